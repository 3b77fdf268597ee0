// The page under test: an app that shows orders, and a record of all that the client has delivered to it.

import { createTabwire } from "tabwire";

const { tab, user, shop, server, handOver } = Object.fromEntries(new URLSearchParams(location.search));

/**
 * `events` and `states` in order of delivery, each state with the number of events before it; `errors` as the app was
 * told; `ledAt`: when this tab became leader, by the clock that tabs share; `leftAt`: when others were left, by their
 * name in the address; `shown`: for each time the page was shown, whether it came out of the back-forward cache.
 */
const record = { events: [], states: [], errors: [], ledAt: [], leftAt: {}, shown: [] };
/** The line of each order, by its id. */
const orders = new Map();

const options = {
  url: server,
  user,
  namespace: "e2e",
  handOver,
  getToken: async () => (await ask("/token")).text(),
  fetchState: async ({ signal }) => {
    const { state, epoch, lastEventId } = await (await ask("/state", signal)).json();
    return { state, position: { epoch, lastEventId } };
  },
  onError: (error) => record.errors.push(`${error.code ?? error.name}: ${error.message}`),
};
const wire = createTabwire(options);

wire.onState((state, { reason, position }) => {
  record.states.push({ reason, position, after: record.events.length });
  orders.clear();
  document.querySelector("#orders").replaceChildren();
  for (const { orderId, status } of state.orders) show(orderId, status);
});
for (const type of ["order_created", "order_updated", "chat_message"]) {
  wire.on(type, ({ id, payload, by, commandId }) => record.events.push({ id, type, payload, by, commandId }));
}
wire.on("order_created", ({ payload }) => show(payload.orderId, "new"));
wire.on("order_updated", ({ payload }) => show(payload.orderId, payload.status));
let led = false;
wire.subscribe(() => {
  const { state, role } = wire.getStatus();
  document.querySelector("#status").textContent = `${state}, ${role}`;
  const leads = role === "leader";
  if (leads && !led) record.ledAt.push(now());
  led = leads;
});

// A page that is left tells the others when that was. It listens only while it is shown: what is said to a page in the
// back-forward cache throws it out.
let others;
addEventListener("pageshow", ({ persisted }) => {
  record.shown.push(persisted);
  try {
    others = new BroadcastChannel("e2e");
    others.onmessage = ({ data }) => Object.assign(record.leftAt, data);
  } catch {
    // Where nothing may be stored there are no others.
  }
});
addEventListener("pagehide", () => {
  others?.postMessage({ [tab]: now() });
  others?.close();
});

Object.assign(window, { wire, record, options, createTabwire });

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
