/** Orders in a slice that the middleware feeds, the chat in RTK Query's cache that a stream feeds. */

import { configureStore, createSlice, type PayloadAction } from "@reduxjs/toolkit";
import { createApi } from "@reduxjs/toolkit/query";
import type { Tabwire } from "tabwire";
import { STATUS_ACTION, tabwireMiddleware, tabwireStream } from "tabwire/redux";
import { type ChatLine, type Commands, type Events, fetchShop, type Order, type Shop, withOrder, withStatus } from "../backend.js";

export type Wire = Tabwire<Events, Commands, Shop>;

const orders = createSlice({
  name: "orders",
  initialState: [] as Order[],
  reducers: {
    fetched: (_, { payload }: PayloadAction<Shop>) => payload.orders,
    created: (orders, { payload }: PayloadAction<Events["order_created"]>) => withOrder(orders, payload),
    updated: (orders, { payload }: PayloadAction<Events["order_updated"]>) => withStatus(orders, payload),
  },
});

const connection = createSlice({
  name: "connection",
  initialState: "idle, none",
  reducers: {},
  extraReducers: (build) =>
    build.addMatcher(
      (action: { type: string }) => action.type === STATUS_ACTION,
      (_, { payload }: PayloadAction<{ state: string; role: string }>) => `${payload.state}, ${payload.role}`,
    ),
});

export function createShop(wire: Wire, fetchChat = async (): Promise<ChatLine[]> => (await fetchShop()).state.chat) {
  const api = createApi({
    baseQuery: async () => ({ data: undefined }),
    tagTypes: ["Chat"],
    endpoints: (build) => ({
      chat: build.query<ChatLine[], void>({
        queryFn: async () => ({ data: await fetchChat() }),
        providesTags: ["Chat"],
        async onCacheEntryAdded(_, lifecycle) {
          const onRefresh = () => void lifecycle.dispatch(api.util.invalidateTags(["Chat"]));
          for await (const { id, by = "?", payload } of tabwireStream(wire, ["chat_message"], lifecycle, { onRefresh })) {
            lifecycle.updateCachedData((chat) => {
              // The data that was fetched may contain the line.
              if (!chat.some((line) => line.id === id)) chat.push({ id, by, text: payload.text });
            });
          }
        },
      }),
    }),
  });
  const events = tabwireMiddleware(wire, {
    toStateAction: orders.actions.fetched,
    toAction: (event) => {
      if (event.type === "order_created") return orders.actions.created(event.payload);
      if (event.type === "order_updated") return orders.actions.updated(event.payload);
      return undefined;
    },
  });
  const store = configureStore({
    reducer: { orders: orders.reducer, connection: connection.reducer, [api.reducerPath]: api.reducer },
    middleware: (defaults) => defaults().concat(api.middleware, events),
  });
  return { store, api, stop: events.stop };
}
