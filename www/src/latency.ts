/** How long events took: from being published to this tab, and from this tab's own commands to their events. */

import type { Tabwire } from "tabwire";
import { isLate, WINDOW_MS } from "./timeline";

export interface Took {
  at: number;
  ms: number;
  /** From the command on, and not from when the server published. */
  own: boolean;
}

/** Events of one frame are one point. */
const SLOT_MS = 50;
/** A command that took so long has waited for a network. */
const WAITED_MS = 1_500;
/** Commands of which nothing came back are forgotten then. */
const SENT_MAX = 200;

const took: Took[] = [];
const sent = new Map<string, number>();

export function latencies(): readonly Took[] {
  return took;
}

/** The middle of what is in the window. */
export function median(own: boolean, now = Date.now()): number | undefined {
  const all = took.filter((each) => each.own === own && each.at > now - WINDOW_MS).map(({ ms }) => ms);
  return all.sort((a, b) => a - b)[Math.floor(all.length / 2)];
}

export function noteSent(commandId: string): void {
  sent.set(commandId, performance.now());
  for (const oldest of sent.keys()) {
    if (sent.size <= SENT_MAX) break;
    sent.delete(oldest);
  }
}

export function followLatency(wire: Tabwire): void {
  took.length = 0;
  wire.onBatch((events) => {
    const now = Date.now();
    // What was replayed has been waiting, not travelling; and so has a command for which there was no network.
    const late = isLate(events);
    for (const { timestamp, commandId } of events) {
      const since = commandId === undefined ? undefined : sent.get(commandId);
      if (commandId !== undefined) sent.delete(commandId);
      if (late) continue;
      const ms = since === undefined ? Number.POSITIVE_INFINITY : performance.now() - since;
      if (ms < WAITED_MS) add({ at: now, ms, own: true });
      // The server's clock is this machine's in the demo. Elsewhere they differ, and a difference is no latency.
      add({ at: now, ms: Math.max(0, now - timestamp), own: false });
    }
    while (took[0] && took[0].at < now - WINDOW_MS) took.shift();
  });
}

function add(each: Took): void {
  const last = took.findLast(({ own }) => own === each.own);
  if (last && last.at > each.at - SLOT_MS) last.ms = Math.max(last.ms, each.ms);
  else took.push(each);
}
