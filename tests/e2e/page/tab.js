// The page under test: an app that shows orders, and a record of all that the client has delivered to it.

import { createTabwire } from "tabwire";

const { user, shop, server } = Object.fromEntries(new URLSearchParams(location.search));

/** `events` and `states` in order of delivery; `errors` as the app was told. */
const record = { events: [], states: [], errors: [] };
const orders = new Map();

const wire = createTabwire({
  url: server,
  user,
  namespace: "e2e",
  getToken: async () => (await ask("/token")).text(),
  fetchState: async ({ signal }) => {
    const { state, epoch, lastEventId } = await (await ask("/state", signal)).json();
    return { state, position: { epoch, lastEventId } };
  },
  onError: (error) => record.errors.push(`${error.code ?? error.name}: ${error.message}`),
});

wire.onState((state, { reason, position }) => {
  record.states.push({ reason, position });
  orders.clear();
  for (const { orderId, status } of state.orders) orders.set(orderId, status);
  show();
});
for (const type of ["order_created", "order_updated", "chat_message"]) {
  wire.on(type, ({ id, payload, by, commandId }) => record.events.push({ id, type, payload, by, commandId }));
}
wire.on("order_created", ({ payload }) => orders.set(payload.orderId, "new"));
wire.on("order_updated", ({ payload }) => orders.set(payload.orderId, payload.status));
wire.onBatch(() => queueMicrotask(show)); // after the handlers above
wire.subscribe(() => {
  const { state, role } = wire.getStatus();
  document.querySelector("#status").textContent = `${state}, ${role}`;
});

Object.assign(window, { wire, record });

async function ask(path, signal) {
  const response = await fetch(`${path}?${new URLSearchParams({ user, shop })}`, { signal });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response;
}

function show() {
  const lines = [...orders].map(([orderId, status]) => {
    const line = document.createElement("li");
    line.textContent = `${orderId} ${status}`;
    return line;
  });
  document.querySelector("#orders").replaceChildren(...lines);
}
