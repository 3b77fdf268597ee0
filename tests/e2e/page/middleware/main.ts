// A store that is bound as it is made, inside Zustand's own middlewares. `counts` says how often anything came, and how often the
// store changed.

import { createTabwire } from "tabwire";
import { tabwire } from "tabwire/zustand";
import { devtools, subscribeWithSelector } from "zustand/middleware";
import { createStore } from "zustand/vanilla";
import { type Commands, type Events, fetchShop, getToken, type Order, type Shop, USER, withOrder } from "../../../../npm/examples/backend.js";

const wire = createTabwire<Events, Commands, Shop>({
  url: "/ws",
  user: USER,
  getToken,
  fetchState: ({ signal }) => fetchShop(signal),
});
const reducers = {
  state: (_: unknown, { orders }: Shop) => ({ orders }),
  order_created: ({ orders }: { orders: Order[] }, { payload }: { payload: Events["order_created"] }) => ({ orders: withOrder(orders, payload) }),
};
const store = createStore<{ orders: Order[] }>()(
  subscribeWithSelector(devtools(tabwire(() => ({ orders: [] as Order[] }), { wire, reducers }), { enabled: false })),
);

const counts = { events: 0, batches: 0, states: 0, changes: 0 };
wire.onState(() => counts.states++);
wire.onBatch((events) => {
  counts.batches++;
  counts.events += events.length;
});
store.subscribe(({ orders }) => {
  counts.changes++;
  const lines = orders.map(({ customer, status }) => Object.assign(document.createElement("li"), { textContent: `${customer}: ${status}` }));
  document.querySelector("ul")!.replaceChildren(...lines);
});
const tell = () => {
  const { state, role } = wire.getStatus();
  document.querySelector("[role=status]")!.textContent = `${state}, ${role}`;
};
wire.subscribe(tell);
tell();

Object.assign(window, { counts });
