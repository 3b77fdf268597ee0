// A part of an app that comes and goes, with a provider of its own.

import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { TabwireProvider, useTabwireEvent, useTabwireState, useTabwireStatus } from "tabwire/react";
import { type Events, fetchShop, getToken, type Order, USER, withOrder } from "../../../../npm/examples/backend.js";

/** Every event that a handler had, in the whole life of the page. */
const handled: number[] = [];
Object.assign(window, { handled });

function Shop() {
  const { state, role } = useTabwireStatus();
  const { state: orders } = useTabwireState<Order[], Events>({
    fetchState: async ({ signal }) => {
      const { state, position } = await fetchShop(signal);
      return { state: state.orders, position };
    },
    reduce: (orders, event) => (event.type === "order_created" ? withOrder(orders, event.payload) : orders),
  });
  useTabwireEvent<Events, "order_created">("order_created", ({ id }) => void handled.push(id));
  return (
    <>
      <p role="status">
        {state}, {role}
      </p>
      <ul aria-label="orders">
        {orders?.map(({ orderId, customer, status }) => (
          <li key={orderId}>
            {customer}: {status}
          </li>
        ))}
      </ul>
    </>
  );
}

function App() {
  const [isShown, setShown] = useState(true);
  return (
    <main>
      <h1>Orders</h1>
      {isShown && (
        <TabwireProvider options={{ url: "/ws", user: USER, getToken }}>
          <Shop />
        </TabwireProvider>
      )}
      <button onClick={() => setShown((isShown) => !isShown)}>{isShown ? "Hide" : "Show"}</button>
    </main>
  );
}

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
