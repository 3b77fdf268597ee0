/**
 * The demo's own channel between its tabs: who is there, what each has seen, and two pranks (close the leading tab, hang it). tabwire
 * has a channel of its own; this one only makes it visible.
 */

import type { Role, Tabwire } from "tabwire";
import { create } from "zustand";
import { note } from "./log";
import type { Mark } from "./timeline";

export interface Tab {
  id: string;
  role: Role;
  state: string;
  lastEventId?: number | undefined;
  epoch?: string | undefined;
  /** The number of its leadership, if it leads. */
  term?: number | undefined;
  hidden: boolean;
  /** Its browser has frozen it: it said so itself, on its way. */
  frozen: boolean;
  /** When it last said that it is there. */
  at: number;
}

type Message =
  | { type: "who" }
  | { type: "here"; tab: Omit<Tab, "at"> }
  | { type: "marks"; id: string; marks: readonly Mark[] }
  | { type: "gone"; id: string }
  | { type: "hang"; seconds: number }
  | { type: "close-leader" };

/** How often at most a tab says how far it is, in milliseconds. */
const SAY_MS = 100;
const ASK_MS = 1_000;
/** A tab that has not answered for so long is shown as silent, in milliseconds. */
export const SILENT_MS = 2_500;
/** And for so long, as gone: it crashed, and could not say so. */
const GONE_MS = 60_000;
/** A tab that hangs first lets the others, and the person who is looking, hear of it. */
const HANG_AFTER_MS = 100;
/** When the others look for themselves how the leader is, as a tab does that a person turns to. */
const LOOK_AFTER_MS = 600;

/** A tab's name is short enough to read in a list, long enough for no two to be the same, and new with each load. */
export const OWN_ID = Math.random().toString(36).slice(2, 6).toUpperCase().padEnd(4, "0");

interface Tabs {
  tabs: readonly Tab[];
  /** The browser refused to close this tab, so it left its group instead. */
  left: boolean;
}

export const useTabs = create<Tabs>()(() => ({ tabs: [], left: false }));

/** Told of the marks of the other tabs. */
export const onMarks = new Set<(id: string, marks: readonly Mark[]) => void>();

let channel: BroadcastChannel | undefined;
let stop: (() => void) | undefined;

/** `group` names the tabs that share a socket. */
export function joinTabs(wire: Tabwire, group: string): void {
  leaveTabs();
  const own = new BroadcastChannel(`tabwire-demo:${group}`);
  channel = own;
  let frozen = false;
  // On its way out a page has more to tell, of how it leaves its group: nobody is to take it for one that is there.
  let gone = false;
  const sayHere = () => {
    if (gone) return;
    const { role, state } = wire.getStatus();
    const { cursor, why, term } = wire.inspect();
    const hidden = document.visibilityState === "hidden";
    const tab = { id: OWN_ID, role, state, lastEventId: cursor?.lastEventId, epoch: cursor?.epoch, term: why && term, hidden, frozen };
    heard(tab);
    post({ type: "here", tab });
  };
  let saying: ReturnType<typeof setTimeout> | undefined;
  const sayHereSoon = () => {
    saying ??= setTimeout(() => {
      saying = undefined;
      sayHere();
    }, SAY_MS);
  };
  const freezes = (is: boolean) => () => {
    frozen = is;
    sayHere();
  };
  own.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === "who") sayHere();
    else if (data.type === "here") heard(data.tab);
    else if (data.type === "marks") for (const told of onMarks) told(data.id, data.marks);
    else if (data.type === "gone") forget(data.id);
    else if (data.type === "hang") hangIfLeading(wire, data.seconds);
    else if (wire.getStatus().role === "leader") closeThisTab(wire);
  };
  // Timers of hidden tabs hardly run, but messages are heard: so the visible tab asks and the others answer.
  const asking = setInterval(() => {
    sayHere();
    if (document.visibilityState === "visible") post({ type: "who" });
    const goneSince = Date.now() - GONE_MS;
    if (useTabs.getState().tabs.some(({ at }) => at <= goneSince)) {
      useTabs.setState(({ tabs }) => ({ tabs: tabs.filter(({ id, at }) => id === OWN_ID || at > goneSince) }));
    }
  }, ASK_MS);
  const offs = [wire.subscribe(sayHere), wire.onBatch(sayHereSoon), wire.onState(sayHereSoon)];
  const listening = new AbortController();
  const { signal } = listening;
  const sayGone = () => {
    gone = true;
    post({ type: "gone", id: OWN_ID });
  };
  const sayBack = () => {
    gone = false;
    sayHere();
  };
  addEventListener("pagehide", sayGone, { signal });
  addEventListener("pageshow", sayBack, { signal });
  document.addEventListener("visibilitychange", sayHere, { signal });
  document.addEventListener("freeze", freezes(true), { signal });
  document.addEventListener("resume", freezes(false), { signal });
  stop = () => {
    clearInterval(asking);
    clearTimeout(saying);
    for (const off of offs) off();
    listening.abort();
    sayGone();
    own.close();
    channel = undefined;
  };
  sayHere();
  post({ type: "who" });
}

export function leaveTabs(): void {
  stop?.();
  stop = undefined;
  useTabs.setState({ tabs: [] });
}

export function tellMarks(marks: readonly Mark[]): void {
  post({ type: "marks", id: OWN_ID, marks });
}

export function closeLeader(wire: Tabwire): void {
  if (wire.getStatus().role === "leader") closeThisTab(wire);
  else post({ type: "close-leader" });
}

/** The tab that leads computes without a pause: it has its lock and its socket, and does nothing. */
export function hangLeader(wire: Tabwire, seconds: number): void {
  post({ type: "hang", seconds });
  hangIfLeading(wire, seconds);
}

function hangIfLeading(wire: Tabwire, seconds: number): void {
  if (wire.getStatus().role !== "leader") {
    // A tab looks when a person turns to it. This one may be in front already, so it is told to.
    setTimeout(() => dispatchEvent(new Event("online")), LOOK_AFTER_MS);
    return;
  }
  note("demo", `this tab hangs for ${seconds} s`);
  setTimeout(() => {
    const until = Date.now() + seconds * 1_000;
    while (Date.now() < until);
    note("demo", "this tab runs again");
  }, HANG_AFTER_MS);
}

function closeThisTab(wire: Tabwire): void {
  // Browsers let a page close its tab when it is the only one that the tab has ever shown.
  if (history.length === 1) window.close();
  // Where it may not, leaving the group does the same to the others.
  setTimeout(() => {
    wire.close();
    useTabs.setState({ left: true });
  }, 200);
}

function heard(tab: Omit<Tab, "at">): void {
  useTabs.setState(({ tabs }) => {
    const others = tabs.filter(({ id }) => id !== tab.id);
    return { tabs: [...others, { ...tab, at: Date.now() }].sort((a, b) => a.id.localeCompare(b.id)) };
  });
}

function forget(gone: string): void {
  useTabs.setState(({ tabs }) => ({ tabs: tabs.filter(({ id }) => id !== gone) }));
}

function post(message: Message): void {
  channel?.postMessage(message);
}
