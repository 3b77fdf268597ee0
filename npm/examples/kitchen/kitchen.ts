/** A small app: the orders of a kitchen, in a Zustand store that events keep. */

import type { Tabwire } from "tabwire";
import { bindStore } from "tabwire/zustand";
import { createStore } from "zustand/vanilla";

export interface Order {
  orderId: string;
  status: "new" | "ready";
}
export type Events = { order_created: { orderId: string }; order_updated: Order };
export type Commands = { order_updated: Order };
export interface State {
  orders: Order[];
}

export function createKitchen(wire: Tabwire<Events, Commands, State>, ring: () => void) {
  const store = createStore<State & { failed?: string }>(() => ({ orders: [] }));
  const unbind = bindStore(wire, store, {
    state: (_, { orders }) => ({ orders }),
    order_created: ({ orders }, { payload: { orderId } }) => ({
      orders: orders.some((order) => order.orderId === orderId) ? orders : [...orders, { orderId, status: "new" as const }],
    }),
    order_updated: ({ orders }, { payload }) => ({
      orders: orders.map((order) => (order.orderId === payload.orderId ? payload : order)),
    }),
  });
  const offBell = wire.on("order_created", ({ id }) => wire.inOneTab("bell", id, ring));
  return {
    store,
    async ready(orderId: string): Promise<void> {
      try {
        await wire.send("order_updated", { orderId, status: "ready" });
      } catch (error) {
        store.setState({ failed: `${orderId}: ${(error as Error).message}` });
      }
    },
    close() {
      unbind();
      offBell();
    },
  };
}
