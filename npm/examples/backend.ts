/** What the examples ask of an app's back end. `tabwire-server --demo` stands for one: it has a login without a password, and a shop. */

import type { FetchedState } from "tabwire";

export interface Order {
  orderId: string;
  customer: string;
  status: "new" | "preparing" | "ready" | "delivered";
}
export interface ChatLine {
  id: number;
  by: string;
  text: string;
}
export interface Shop {
  orders: Order[];
  chat: ChatLine[];
}
export interface Events {
  order_created: { orderId: string; customer: string };
  order_updated: { orderId: string; status: Order["status"] };
  chat_message: { text: string };
}
export type Commands = Events;

/** Who looks: the address says so, as a session would. */
export const USER = new URLSearchParams(globalThis.location?.search).get("user") ?? "ana";

let token: Promise<string> | undefined;

export function getToken(): Promise<string> {
  token = login();
  return token;
}

async function login(): Promise<string> {
  const response = await fetch("/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userId: USER }),
  });
  if (!response.ok) throw new Error(`/login answered ${response.status}`);
  return ((await response.json()) as { token: string }).token;
}

/** The shop, and the position that it contains all events up to. */
export async function fetchShop(signal?: AbortSignal): Promise<FetchedState<Shop>> {
  const headers = { authorization: `Bearer ${await (token ?? getToken())}` };
  const response = await fetch("/state", { headers, ...(signal && { signal }) });
  if (!response.ok) throw new Error(`/state answered ${response.status}`);
  const { state, epoch, lastEventId } = (await response.json()) as { state: Shop; epoch: string; lastEventId: number };
  return { state, position: { epoch, lastEventId } };
}

/** Idempotent, as all that reduces events must be: the state may contain the order already. */
export function withOrder(orders: Order[], { orderId, customer }: Events["order_created"]): Order[] {
  return orders.some((order) => order.orderId === orderId) ? orders : [...orders, { orderId, customer, status: "new" }];
}

export function withStatus(orders: Order[], { orderId, status }: Events["order_updated"]): Order[] {
  return orders.map((order) => (order.orderId === orderId ? { ...order, status } : order));
}
