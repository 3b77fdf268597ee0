/**
 * What each tab of this browser was given in the last half minute. Not a store: hundreds of marks a second are drawn, some times a
 * second, and nobody renders them.
 */

import type { Tabwire, TabwireCounters, TabwireEvent } from "tabwire";
import { onMarks, OWN_ID, tellMarks } from "./tabs";

export const KINDS = {
  received: "received",
  replayed: "replayed, came late",
  duplicate: "duplicate dropped",
  gap: "gap seen",
  repaired: "gap repaired",
  refresh: "state refreshed",
  leads: "leads from here on",
} as const;

export type MarkKind = keyof typeof KINDS;

export interface Mark {
  at: number;
  kind: MarkKind;
  /** How many of them within `SLOT_MS`. */
  count: number;
}

/** What is kept, in milliseconds. */
export const WINDOW_MS = 30_000;
/** Marks of one kind that are closer than this are one. */
const SLOT_MS = 60;
/** How often a tab tells the others of its marks. */
const TELL_MS = 100;
/** How often the counters are looked at that no event goes with; and with events at most, since a burst is hundreds of deliveries. */
const LOOK_MS = 250;
const LOOK_MS_MIN = 50;
/** An event that is so old when it comes was not live. */
const LATE_MS = 1_500;

const byTab = new Map<string, Mark[]>();

/** The marks of a tab within the window, oldest first. */
export function marksOf(id: string): readonly Mark[] {
  return byTab.get(id) ?? [];
}

/** How many of each kind a tab has within the window. */
export function countsOf(id: string, now = Date.now()): Partial<Record<MarkKind, number>> {
  const counts: Partial<Record<MarkKind, number>> = {};
  for (const { at, kind, count } of marksOf(id)) if (at > now - WINDOW_MS) counts[kind] = (counts[kind] ?? 0) + count;
  return counts;
}

export function followTimeline(wire: Tabwire): void {
  byTab.clear();
  let untold: Mark[] = [];
  let toldAt = 0;
  let telling: ReturnType<typeof setTimeout> | undefined;
  const tellOthers = () => {
    clearTimeout(telling);
    telling = undefined;
    toldAt = Date.now();
    tellMarks(untold);
    untold = [];
  };
  const mark = (kind: MarkKind, count: number) => {
    const made = { at: Date.now(), kind, count };
    add(OWN_ID, made);
    merge(untold, made);
    // Timers of a hidden tab are late: what can be told now is.
    if (Date.now() - toldAt > TELL_MS) tellOthers();
    else telling ??= setTimeout(tellOthers, TELL_MS);
  };

  let seen: TabwireCounters = wire.inspect().counters;
  let lacks = false;
  let lookedAt = 0;
  const look = () => {
    lookedAt = Date.now();
    const { counters } = wire.inspect();
    const more = (name: keyof TabwireCounters) => counters[name] - seen[name];
    const [duplicates, gaps, leads] = [more("duplicates"), more("gaps"), more("leads")];
    seen = counters;
    if (duplicates > 0) mark("duplicate", duplicates);
    if (gaps > 0) mark("gap", gaps);
    if (leads > 0) mark("leads", 1);
    lacks ||= gaps > 0;
  };
  wire.onBatch((events) => {
    if (Date.now() - lookedAt > LOOK_MS_MIN) look();
    mark(lacks ? "repaired" : isLate(events) ? "replayed" : "received", events.length);
    lacks = false;
  });
  wire.onState(() => {
    look();
    mark("refresh", 1);
    lacks = false;
  });
  const looking = setInterval(look, LOOK_MS);
  const told = (id: string, marks: readonly Mark[]) => {
    for (const each of marks) add(id, each);
  };
  onMarks.add(told);
  const off = wire.subscribe(() => {
    look();
    if (wire.getStatus().reason !== "logged_out") return;
    off();
    clearInterval(looking);
    clearTimeout(telling);
    onMarks.delete(told);
  });
}

/** A replay is one batch; and what was held up somewhere is older than live events are. */
export function isLate(events: readonly TabwireEvent[]): boolean {
  return events.length > 1 || Date.now() - (events[0]?.timestamp ?? 0) > LATE_MS;
}

function add(id: string, mark: Mark): void {
  const marks = byTab.get(id) ?? [];
  byTab.set(id, marks);
  merge(marks, mark);
  const since = Date.now() - WINDOW_MS - 1_000;
  while (marks[0] && marks[0].at < since) marks.shift();
}

function merge(marks: Mark[], mark: Mark): void {
  const same = marks.findLast(({ kind, at }) => kind === mark.kind || at < mark.at - SLOT_MS);
  if (same && same.kind === mark.kind && same.at > mark.at - SLOT_MS) same.count += mark.count;
  else marks.push({ ...mark });
}
