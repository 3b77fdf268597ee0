/** The shop as the events make it. Every reducer is idempotent: a fetched state may contain an event that follows it. */

import type { Reducers } from "tabwire/zustand";
import { create } from "zustand";
import type { RegisteredEvents } from "tabwire";
import type { ChatLine, Order, OrderStatus, ShopState } from "./wire";

/** What the server keeps of each, and so do we. */
const KEPT = 100;

export interface PendingOrder extends Order {
  /** Why it was not acknowledged, in words. */
  failed?: string;
}

interface Shop extends ShopState {
  /** The state was fetched at least once. */
  loaded: boolean;
  /** Orders placed in this tab whose event has not come yet. */
  pending: PendingOrder[];
}

export const useShop = create<Shop>()(() => ({ orders: [], chat: [], pending: [], loaded: false }));

export const shopReducers: Reducers<Shop, RegisteredEvents, ShopState> = {
  state: (shop, fetched) => ({
    orders: fetched.orders,
    chat: fetched.chat,
    pending: shop.pending.filter((order) => !has(fetched.orders, order.orderId)),
    loaded: true,
  }),

  order_created: (shop, { payload }) => ({
    orders: has(shop.orders, payload.orderId) ? shop.orders : [...shop.orders, { ...payload, status: "new" as const }].slice(-KEPT),
    pending: shop.pending.filter((order) => order.orderId !== payload.orderId),
  }),

  order_updated: (shop, { payload }) => ({
    orders: shop.orders.map((order) => (order.orderId === payload.orderId ? { ...order, status: payload.status } : order)),
  }),

  chat_message: (shop, { id, by = "?", payload, timestamp }) => {
    if (shop.chat.some((line) => line.id === id)) return;
    const line: ChatLine = { id, by, text: payload.text, timestamp };
    return { chat: [...shop.chat, line].slice(-KEPT) };
  },
};

export const STATUSES: readonly OrderStatus[] = ["new", "preparing", "ready", "delivered"];

export function nextStatus(status: OrderStatus): OrderStatus | undefined {
  return STATUSES[STATUSES.indexOf(status) + 1];
}

const CUSTOMERS = ["Ada", "Bruno", "Chen", "Dalia", "Edgar", "Farah", "Gil", "Hana", "Ivo", "Jun"];
const ITEMS: readonly [name: string, price: number][] = [
  ["Flat white", 3.8],
  ["Sourdough loaf", 6.2],
  ["Cinnamon bun", 4.1],
  ["Cold brew", 4.5],
  ["Breakfast box", 12.9],
  ["Almond croissant", 3.9],
];

export function randomOrder(): Order {
  const [item, price] = pick(ITEMS);
  const count = 1 + Math.floor(Math.random() * 3);
  return {
    orderId: Math.random().toString(36).slice(2, 8).padEnd(6, "0"),
    customer: pick(CUSTOMERS),
    item: count > 1 ? `${count} × ${item}` : item,
    total: Math.round(price * count * 100) / 100,
    status: "new",
  };
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}

function has(orders: readonly Order[], orderId: string): boolean {
  return orders.some((order) => order.orderId === orderId);
}
