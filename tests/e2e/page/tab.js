// The page under test: an app that shows orders, and a record of all that the client has delivered to it.

import { createTabwire } from "tabwire";

const { user, shop, server } = Object.fromEntries(new URLSearchParams(location.search));

/** `events` and `states` in order of delivery; `errors` as the app was told; `leadsAt` by the clock that tabs share. */
const record = { events: [], states: [], errors: [], leadsAt: undefined };
/** The line of each order, by its id. */
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
  document.querySelector("#orders").replaceChildren();
  for (const { orderId, status } of state.orders) show(orderId, status);
});
for (const type of ["order_created", "order_updated", "chat_message"]) {
  wire.on(type, ({ id, payload, by, commandId }) => record.events.push({ id, type, payload, by, commandId }));
}
wire.on("order_created", ({ payload }) => show(payload.orderId, "new"));
wire.on("order_updated", ({ payload }) => show(payload.orderId, payload.status));
wire.subscribe(() => {
  const { state, role } = wire.getStatus();
  document.querySelector("#status").textContent = `${state}, ${role}`;
  if (role === "leader") record.leadsAt ??= now();
});
addEventListener("pagehide", () => localStorage.setItem("e2e:left-at", now()));

Object.assign(window, { wire, record });

async function ask(path, signal) {
  const response = await fetch(`${path}?${new URLSearchParams({ user, shop })}`, { signal });
  if (!response.ok) throw new Error(`${path} answered ${response.status}`);
  return response;
}

function show(orderId, status) {
  let line = orders.get(orderId);
  if (!line) {
    line = document.querySelector("#orders").appendChild(document.createElement("li"));
    orders.set(orderId, line);
  }
  line.textContent = `${orderId} ${status}`;
}

/** Milliseconds by a clock that all tabs share, with fractions. */
function now() {
  return performance.timeOrigin + performance.now();
}
