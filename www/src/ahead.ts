/**
 * What a person does is shown at once, ahead of its event: `ahead` lies on top of the state, and never in it. The event that comes back
 * carries the command's id and takes its place; a refusal takes it away again.
 */

import type { RegisteredCommands } from "tabwire";
import type { ChatLine, Order } from "./wire";

export type CommandType = keyof RegisteredCommands;

type Of<T extends CommandType> = {
  /** Names it in this tab. */
  key: string;
  type: T;
  payload: RegisteredCommands[T];
  /** Its event carries this. */
  commandId?: string;
  /** The event it has become, once that is acknowledged. */
  event?: { epoch: string; id: number };
};
export type Ahead = { [T in CommandType]: Of<T> }[CommandType];

/** Without what has become the event of this command. */
export function matched(ahead: readonly Ahead[], commandId: string | undefined): readonly Ahead[] {
  return commandId !== undefined && ahead.some((other) => other.commandId === commandId) ? ahead.filter((other) => other.commandId !== commandId) : ahead;
}

export interface ShownOrder extends Order {
  /** Its event has not come yet. */
  pending?: "placed" | "changed" | "cancelled" | undefined;
}

/** The orders with what is ahead of them. An order that nothing is ahead of is the very object of the state. */
export function shownOrders(orders: readonly Order[], ahead: readonly Ahead[]): readonly ShownOrder[] {
  if (!ahead.some((other) => other.type !== "chat_message")) return orders;
  const shown = new Map<string, ShownOrder>(orders.map((order) => [order.orderId, order]));
  for (const { type, payload } of ahead) {
    if (type === "order_created") {
      if (!shown.has(payload.orderId)) shown.set(payload.orderId, { ...payload, status: "new", pending: "placed" });
      continue;
    }
    if (type === "chat_message") continue;
    const order = shown.get(payload.orderId);
    if (!order) continue;
    if (type === "order_cancelled") shown.set(order.orderId, { ...order, pending: "cancelled" });
    else shown.set(order.orderId, { ...order, status: payload.status, pending: order.pending ?? "changed" });
  }
  return [...shown.values()];
}

export type ShownLine = Pick<ChatLine, "by" | "text"> & { key: string; timestamp?: number; id?: number };

/** The lines of this tab whose events have not come yet. */
export function linesAhead(ahead: readonly Ahead[], by: string): readonly ShownLine[] {
  return ahead.flatMap((other) => (other.type === "chat_message" ? [{ key: other.key, by, text: other.payload.text }] : []));
}
