/** The orders of a shop and its chat, in React alone: a provider, and hooks. */

import type { ReactNode } from "react";
import { useState } from "react";
import type { TabwireOptions } from "tabwire";
import { TabwireProvider, useTabwire, useTabwireEvent, useTabwireState, useTabwireStatus } from "tabwire/react";
import { type Commands, type Events, fetchShop, getToken, type Order, USER, withOrder, withStatus } from "../backend.js";

/** `options` is made anew with each render, as inline options are: the client stays. */
export function App(): ReactNode {
  const [bells, setBells] = useState(0);
  const options: TabwireOptions = { url: "/ws", user: USER, getToken };
  return (
    <TabwireProvider options={options}>
      <main>
        <Shop onBell={() => setBells((bells) => bells + 1)} />
        <p>
          This tab rang <output>{bells}</output> times. Each order rings in one of the tabs.
        </p>
      </main>
    </TabwireProvider>
  );
}

export function Shop({ onBell }: { onBell: () => void }): ReactNode {
  const { send, inOneTab, logout } = useTabwire<Events, Commands>();
  const { status, state: orders } = useTabwireState<Order[], Events>({
    fetchState: async ({ signal }) => {
      const { state, position } = await fetchShop(signal);
      return position ? { state: state.orders, position } : { state: state.orders };
    },
    reduce: (orders, event) => {
      if (event.type === "order_created") return withOrder(orders, event.payload);
      if (event.type === "order_updated") return withStatus(orders, event.payload);
      return orders;
    },
  });
  useTabwireEvent<Events, "order_created">("order_created", ({ id }) => inOneTab("bell", id, onBell));
  return (
    <>
      <h1>Orders</h1>
      <Connection />
      <ul aria-label="orders" data-status={status}>
        {orders?.map(({ orderId, customer, status }) => (
          <li key={orderId}>
            <span>
              {customer}: {status}
            </span>
            {status === "new" && <button onClick={() => send("order_updated", { orderId, status: "ready" })}>Ready: {customer}</button>}
          </li>
        ))}
      </ul>
      <NewOrder />
      <LastWords />
      <button onClick={logout}>Log out</button>
    </>
  );
}

function Connection(): ReactNode {
  const { state, role, reason } = useTabwireStatus();
  return (
    <p role="status">
      {state}, {role}
      {reason && `, ${reason}`}
    </p>
  );
}

function NewOrder(): ReactNode {
  const { send } = useTabwire<Events, Commands>();
  const [failed, setFailed] = useState("");
  const place = async () => {
    setFailed("");
    try {
      await send("order_created", { orderId: crypto.randomUUID(), customer: USER });
    } catch (error) {
      setFailed((error as Error).message);
    }
  };
  return (
    <p>
      <button onClick={place}>Order</button> {failed && <strong role="alert">{failed}</strong>}
    </p>
  );
}

function LastWords(): ReactNode {
  const [words, setWords] = useState("nobody has said anything");
  useTabwireEvent<Events, "chat_message">("chat_message", ({ by, payload }) => setWords(`${by ?? "somebody"}: ${payload.text}`));
  return <p data-testid="words">{words}</p>;
}
