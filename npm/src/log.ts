/** The debug log. The module says numbers, so that a page that never looks does not download the sentences twice. */

import type { PageClient } from "./page-client.js";

/** Mirrors `Log` in client-wasm/src/core/io.rs: the first is number 1. */
export const LINES = [
  "this tab leads",
  "this tab no longer leads",
  "connecting",
  "welcomed by the server",
  "socket closed",
  "socket silent, given up",
  "a frame was missing",
  "repaired another tab from the ring",
  "asked the server for a repair",
  "the state is to be fetched",
  "ignored a leader of an old term",
  "raised the term",
  "received something that is no frame",
  "the server ignored a frame",
  "no token from the app",
  "no state from the app",
  "asked the leader to show that it runs",
  "told the leader to leave, it did not show that it runs",
  "told to leave, this tab no longer leads",
  "took the lock from a leader that does not leave",
  "hidden, invited a visible tab to lead",
  "invited to lead, connecting first",
  "heard of no leader, this tab elects itself",
  "a timer came much too late: this tab slept",
  "took the state from another tab",
];

/** Writes a line, with the time in UTC, the tab's short name and its role, if somebody wants to read it. */
export function writeLine(page: PageClient, code: number): void {
  if (!isWanted(page.options.debug)) return;
  const time = new Date().toISOString().slice(11);
  const tab = page.call((client) => client.inspect())?.tab.slice(0, 4);
  console.log(`tabwire ${time} ${tab} ${page.status.role}: ${LINES[code - 1] ?? `log ${code}`}`);
}

/** Looked up for each line: `tabwireDebug` is switched in a running page, and says no as well as yes. */
function isWanted(option: boolean | undefined): boolean {
  if (globalThis.tabwireDebug !== undefined) return globalThis.tabwireDebug;
  try {
    return option || !!localStorage.getItem("tabwire:debug");
  } catch {
    return false; // reading it throws where cookies are blocked
  }
}
