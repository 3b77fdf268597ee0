/**
 * The demo's own channel between its tabs: who is there, and the two pranks (cut the network, close the leading tab). tabwire has a
 * channel of its own; this one only makes it visible.
 */

import type { Role, Tabwire } from "tabwire";
import { create } from "zustand";
import { note } from "./log";
import { cutNetwork } from "./network";

export interface Tab {
  id: string;
  role: Role;
  state: string;
  lastEventId?: number | undefined;
  /** The number of its leadership, if it leads. */
  term?: number | undefined;
  /** When it last said that it is there. */
  at: number;
}

type Message =
  | { type: "who" }
  | { type: "here"; tab: Omit<Tab, "at"> }
  | { type: "gone"; id: string }
  | { type: "cut"; seconds: number }
  | { type: "close-leader" };

/** How often at most a tab says how far it is, in milliseconds. */
const SAY_MS = 100;
const ASK_MS = 1_000;
/** A tab that has not answered for so long is frozen or gone. */
const SILENT_MS = 4_000;

/** A tab's name is short enough to read in a list, long enough for no two to be the same, and new with each load. */
export const OWN_ID = Math.random().toString(36).slice(2, 6).toUpperCase().padEnd(4, "0");

interface Tabs {
  tabs: readonly Tab[];
  /** The browser refused to close this tab, so it left its group instead. */
  left: boolean;
}

export const useTabs = create<Tabs>()(() => ({ tabs: [], left: false }));

let channel: BroadcastChannel | undefined;
let stop: (() => void) | undefined;

export function joinTabs(wire: Tabwire, userId: string): void {
  leaveTabs();
  const own = new BroadcastChannel(`tabwire-demo:${userId}`);
  channel = own;
  const sayHere = () => {
    const { role, state } = wire.getStatus();
    const { cursor, why, term } = wire.inspect();
    const tab = { id: OWN_ID, role, state, lastEventId: cursor?.lastEventId, term: why && term };
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
  own.onmessage = ({ data }: MessageEvent<Message>) => {
    if (data.type === "who") sayHere();
    else if (data.type === "here") heard(data.tab);
    else if (data.type === "gone") forget(data.id);
    else if (data.type === "cut") cut(data.seconds);
    else if (wire.getStatus().role === "leader") closeThisTab(wire);
  };
  // Timers of hidden tabs hardly run, but messages are heard: so the visible tab asks and the others answer.
  const asking = setInterval(() => {
    sayHere();
    if (document.visibilityState === "visible") post({ type: "who" });
    const silentSince = Date.now() - SILENT_MS;
    useTabs.setState(({ tabs }) => ({ tabs: tabs.filter(({ id, at }) => id === OWN_ID || at > silentSince) }));
  }, ASK_MS);
  const offs = [wire.subscribe(sayHere), wire.onBatch(sayHereSoon), wire.onState(sayHereSoon)];
  const sayGone = () => post({ type: "gone", id: OWN_ID });
  addEventListener("pagehide", sayGone);
  stop = () => {
    clearInterval(asking);
    clearTimeout(saying);
    for (const off of offs) off();
    removeEventListener("pagehide", sayGone);
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

/** Takes the network away from all tabs. */
export function cutAll(seconds: number): void {
  post({ type: "cut", seconds });
  cut(seconds);
}

export function closeLeader(wire: Tabwire): void {
  if (wire.getStatus().role === "leader") closeThisTab(wire);
  else post({ type: "close-leader" });
}

function cut(seconds: number): void {
  note("demo", `the network is cut for ${seconds} s`);
  cutNetwork(seconds);
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
