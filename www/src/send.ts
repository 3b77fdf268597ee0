/** Sends what a person does, and shows it ahead of its event meanwhile. */

import { create } from "zustand";
import { type RegisteredCommands, type Tabwire, TabwireError } from "tabwire";
import type { Ahead, CommandType } from "./ahead";
import { noteSent } from "./latency";
import { note } from "./log";
import { useShop } from "./shop";
import { tell } from "./toasts";

/** A command may wait for a network that is cut for a while. */
const TIMEOUT_MS = 60_000;
/** How long an order says that something about it was refused. */
const REFUSED_MS = 9_000;

/** By order, what was refused of late. */
export const useRefused = create<Readonly<Record<string, string>>>()(() => ({}));

let keys = 0;

/** Shows it, and sends it. Resolves with whether it was taken. */
export async function sendAhead<T extends CommandType>(wire: Tabwire, type: T, payload: RegisteredCommands[T], what: string): Promise<boolean> {
  const key = `ahead-${++keys}`;
  const change = (more: Partial<Pick<Ahead, "commandId" | "event">>) =>
    useShop.setState((shop) => ({ ahead: shop.ahead.map((other) => (other.key === key ? { ...other, ...more } : other)) }));
  const named = (commandId: string) => {
    change({ commandId });
    noteSent(commandId);
  };
  useShop.setState((shop) => ({ ahead: [...shop.ahead, { key, type, payload } as Ahead] }));
  try {
    const { eventId, epoch } = await wire.send(type, payload, { timeoutMs: TIMEOUT_MS, onId: named });
    note("command", `${what}: acknowledged as event #${eventId}`);
    if (eventId === undefined || epoch === undefined) return true;
    // A fetched state may have brought it: then no event is to come.
    const cursor = wire.cursor();
    if (cursor && (cursor.epoch !== epoch || cursor.lastEventId >= eventId)) takeBack(key);
    else change({ event: { epoch, id: eventId } });
    return true;
  } catch (error) {
    takeBack(key);
    const { unknown, why } = reason(error);
    tell("bad", unknown ? `${what}: nobody knows whether it was done (${why}). It is no longer shown as done.` : `${what}: refused and rolled back (${why}).`);
    if ("orderId" in payload) noteRefused(payload.orderId, unknown ? why : `rolled back: ${why}`);
    note("error", `${what}: ${why}`);
    return false;
  }
}

function noteRefused(orderId: string, why: string): void {
  useRefused.setState({ [orderId]: why });
  setTimeout(() => useRefused.setState(({ [orderId]: _, ...others }) => others, true), REFUSED_MS);
}

function takeBack(key: string): void {
  useShop.setState((shop) => ({ ahead: shop.ahead.filter((other) => other.key !== key) }));
}

function reason(error: unknown): { unknown: boolean; why: string } {
  if (!(error instanceof TabwireError)) return { unknown: true, why: String(error) };
  const why = error.message.replace(/^send\(\w+\): /, "");
  return { unknown: error.executed !== "no", why };
}
