import { useState } from "react";
import { useTabwireEvent, useTabwireStatus } from "tabwire/react";

export function Orders() {
  const status = useTabwireStatus(({ state, role }) => `${state}, ${role}`);
  const [orders, setOrders] = useState<string[]>([]);
  useTabwireEvent("order_created", ({ payload }) => setOrders((before) => [...before, payload.orderId]));
  return (
    <>
      <h1>Orders</h1>
      <p id="status">{status}</p>
      <ul id="orders">
        {orders.map((orderId) => (
          <li key={orderId}>{orderId}</li>
        ))}
      </ul>
    </>
  );
}
