/** The debug log. The module says numbers, so that a page that never looks does not download the sentences twice. */

import type { TabwireOptions } from "./types.js";

/** Mirrors `Log` in client-wasm/src/core/io.rs: the first is number 1. */
const LINES = [
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
];

/** Logs when `debug` is set, or `tabwire:debug` in localStorage. */
export function logger(options: TabwireOptions): (code: number, detail: string) => void {
  if (!options.debug && !isDebugging()) return () => {};
  return (code, detail) => console.log(`tabwire: ${LINES[code - 1] ?? `log ${code}`}`, detail);
}

function isDebugging(): boolean {
  try {
    return !!localStorage.getItem("tabwire:debug");
  } catch {
    return false; // reading it throws where cookies are blocked
  }
}
