/** A store that is kept over reloads with the cursor that it belongs to: the page goes on where it was, and fetches nothing. */

import { createTabwire, type Tabwire } from "tabwire";
import { bindStore, type WithCursor } from "tabwire/zustand";
import { persist } from "zustand/middleware";
import { createStore } from "zustand/vanilla";
import { type Commands, type Events, fetchShop, getToken, type Shop, USER, withOrder, withStatus } from "../backend.js";

export type Wire = Tabwire<Events, Commands, Shop>;

export function createShop(name: string) {
  return createStore<Shop & WithCursor>()(persist((): Shop & WithCursor => ({ orders: [], chat: [] }), { name }));
}

export function bindShop(wire: Wire, store: ReturnType<typeof createShop>): () => void {
  return bindStore(
    wire,
    store,
    {
      state: (_, { orders, chat }) => ({ orders, chat }),
      order_created: ({ orders }, { payload }) => ({ orders: withOrder(orders, payload) }),
      order_updated: ({ orders }, { payload }) => ({ orders: withStatus(orders, payload) }),
      chat_message: ({ chat }, { id, by = "?", payload }) => ({
        chat: chat.some((line) => line.id === id) ? chat : [...chat, { id, by, text: payload.text }],
      }),
    },
    { persistCursor: true },
  );
}

/** What a page does: the stored state, the client that goes on from it, and the two bound. */
export function open(onFetch: () => void) {
  const store = createShop(`shop of ${USER}`);
  const wire: Wire = createTabwire({
    url: "/ws",
    user: USER,
    getToken,
    fetchState: ({ signal }) => {
      onFetch();
      return fetchShop(signal);
    },
    initialCursor: store.getState().tabwire,
  });
  bindShop(wire, store);
  return { store, wire };
}
