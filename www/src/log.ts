/** What happened in this tab, newest first, and the counts that must add up. */

import type { TabwireEvent } from "tabwire";
import { create } from "zustand";

export type Kind = "event" | "status" | "state" | "token" | "command" | "demo" | "error";

export interface Line {
  key: number;
  at: number;
  kind: Kind;
  text: string;
}

/** Lines that are kept; a burst of thousands of events must not make the page slow. */
const LINES_MAX = 80;

interface Log {
  lines: readonly Line[];
  /** Events delivered to this tab. */
  received: number;
  /** Events that came with an id that is not higher than the one before: must stay 0. */
  outOfOrder: number;
  /** Ids that were left out between two events or after a state: must stay 0, since this user may see everything of the shop. */
  missing: number;
  /** The last event's, or what the state contains. */
  lastId: number;
}

const NOTHING = { lines: [], received: 0, outOfOrder: 0, missing: 0, lastId: 0 };

export const useLog = create<Log>()(() => NOTHING);

let key = 0;

/** `lastId`: where the state is that this tab begins with. */
export function startLog(lastId: number): void {
  useLog.setState({ ...NOTHING, lastId });
}

export function note(kind: Kind, text: string): void {
  add([line(kind, text)]);
}

/** A state was applied. Ids go on from its position, perhaps those of another log. */
export function noteState(reason: string, lastId: number): void {
  useLog.setState({ lastId });
  note("state", `state applied at #${lastId} (${reason})`);
}

export function noteEvents(events: readonly TabwireEvent[]): void {
  let { received, outOfOrder, missing, lastId } = useLog.getState();
  for (const { id } of events) {
    if (id <= lastId) outOfOrder++;
    else missing += id - lastId - 1;
    lastId = id;
  }
  received += events.length;
  useLog.setState({ received, outOfOrder, missing, lastId });
  add(events.slice(-LINES_MAX).map((event) => line("event", `#${event.id} ${event.type} ${JSON.stringify(event.payload)}`)));
}

function line(kind: Kind, text: string): Line {
  return { key: key++, at: Date.now(), kind, text };
}

function add(lines: Line[]): void {
  useLog.setState((log) => ({ lines: [...lines.reverse(), ...log.lines].slice(0, LINES_MAX) }));
}
