/** The shop as the events make it. Every reducer is idempotent: a fetched state may contain an event that follows it. */

import type { Cursor, RegisteredEvents } from "tabwire";
import type { Reducers } from "tabwire/zustand";
import { create } from "zustand";
import { persist } from "zustand/middleware";
import { type Ahead, matched } from "./ahead";
import { keptShops } from "./kept";
import type { ChatLine, Order, OrderStatus, ShopState } from "./wire";

/** What the server keeps of each, and so do we. */
const KEPT = 100;

export interface Shop extends ShopState {
  /** There is a state to show: fetched, or what this browser saw last. */
  loaded: boolean;
  /** What was done in this tab and is shown ahead of its event. */
  ahead: readonly Ahead[];
  /** Where the state above is: `bindStore` keeps it in the same `setState`. */
  tabwire?: Cursor | undefined;
}

const EMPTY: Shop = { orders: [], chat: [], ahead: [], loaded: false, tabwire: undefined };

export const useShop = create<Shop>()(
  persist(() => EMPTY, {
    name: "nobody", // until somebody logs in: `openShop`
    skipHydration: true,
    storage: keptShops,
    // What is shown ahead of its event ends with the tab that sent it.
    partialize: ({ orders, chat, tabwire }) => ({ orders, chat, tabwire }),
    merge: (kept, shop) => ({ ...shop, ...(kept as Partial<Shop>), loaded: (kept as Partial<Shop> | undefined)?.tabwire !== undefined }),
  }),
);

/** Shows the shop as this browser last saw it; returns where that was. */
export function openShop(name: string): Cursor | undefined {
  useShop.persist.setOptions({ name });
  void useShop.persist.rehydrate(); // at once: localStorage does not wait
  return useShop.getState().tabwire;
}

/** Nothing is left of it in this browser. */
export function forgetShop(): void {
  useShop.persist.clearStorage();
  useShop.persist.setOptions({ name: "nobody" });
  useShop.setState(EMPTY);
}

export const shopReducers: Reducers<Shop, RegisteredEvents, ShopState> = {
  state: (shop, fetched, { position }) => ({
    orders: fetched.orders,
    chat: fetched.chat,
    ahead: shop.ahead.filter((ahead) => !isIn(ahead, fetched, position)),
    loaded: true,
  }),

  order_created: (shop, { payload, commandId }) => ({
    orders: has(shop.orders, payload.orderId) ? shop.orders : [...shop.orders, { ...payload, status: "new" as const }].slice(-KEPT),
    ahead: matched(shop.ahead, commandId),
  }),

  order_updated: (shop, { payload, commandId }) => ({
    orders: shop.orders.map((order) => (order.orderId === payload.orderId ? { ...order, status: payload.status } : order)),
    ahead: matched(shop.ahead, commandId),
  }),

  order_cancelled: (shop, { payload }) => ({
    orders: shop.orders.filter((order) => order.orderId !== payload.orderId),
  }),

  chat_message: (shop, { id, by = "?", payload, timestamp, commandId }) => {
    const ahead = matched(shop.ahead, commandId);
    if (shop.chat.some((line) => line.id === id)) return { ahead };
    const line: ChatLine = { id, by, text: payload.text, timestamp };
    return { chat: [...shop.chat, line].slice(-KEPT), ahead };
  },
};

/** Whether a fetched state contains what was shown ahead: its event will not come any more. */
function isIn(ahead: Ahead, fetched: ShopState, position: { epoch: string; lastEventId: number }): boolean {
  if (ahead.type === "order_created" && has(fetched.orders, ahead.payload.orderId)) return true;
  return ahead.event !== undefined && (ahead.event.epoch !== position.epoch || ahead.event.id <= position.lastEventId);
}

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

export function randomOrder(): Omit<Order, "status"> {
  const [item, price] = pick(ITEMS);
  const count = 1 + Math.floor(Math.random() * 3);
  return {
    orderId: Math.random().toString(36).slice(2, 8).padEnd(6, "0"),
    customer: pick(CUSTOMERS),
    item: count > 1 ? `${count} × ${item}` : item,
    total: Math.round(price * count * 100) / 100,
  };
}

function pick<T>(list: readonly T[]): T {
  return list[Math.floor(Math.random() * list.length)] as T;
}

function has(orders: readonly Order[], orderId: string): boolean {
  return orders.some((order) => order.orderId === orderId);
}
