import { useState } from "react";
import { createRoot } from "react-dom/client";
import { TabwireContext, useTabwireEvent, useTabwireStatus } from "tabwire/react";
import { createTabwire, init } from "tabwire/slim";
import { options } from "../shared/shop.js";

function Orders() {
  const status = useTabwireStatus(({ state, role }) => `${state}, ${role}`);
  const [orders, setOrders] = useState([]);
  useTabwireEvent("order_created", ({ payload }) => setOrders((before) => [...before, payload.orderId]));
  return (
    <>
      <p id="status">{status}</p>
      <ul id="orders">
        {orders.map((orderId) => (
          <li key={orderId}>{orderId}</li>
        ))}
      </ul>
    </>
  );
}

await init(new URL("tabwire/tabwire.wasm", import.meta.url));
createRoot(document.querySelector("#root")).render(
  <TabwireContext value={createTabwire(options)}>
    <Orders />
  </TabwireContext>,
);
