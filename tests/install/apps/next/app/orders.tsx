"use client";

import { useState } from "react";
import { TabwireProvider, useTabwireEvent, useTabwireStatus } from "tabwire/react";

interface Events {
  order_created: { orderId: string };
}

export function Orders({ server }: { server: string }) {
  const getToken = async () => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server}/login`, { method: "POST", headers, body: JSON.stringify({ userId: "ana" }) });
    return (await response.json()).token as string;
  };
  return (
    <TabwireProvider options={{ url: `${server}/ws`, user: "ana", getToken }}>
      <List />
    </TabwireProvider>
  );
}

function List() {
  const status = useTabwireStatus(({ state, role }) => `${state}, ${role}`);
  const [orders, setOrders] = useState<string[]>([]);
  useTabwireEvent<Events>("order_created", ({ payload }) => setOrders((before) => [...before, payload.orderId]));
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
