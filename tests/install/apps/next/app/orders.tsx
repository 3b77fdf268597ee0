"use client";

import { useState } from "react";
import { TabwireProvider, useTabwireEvent, useTabwireStatus } from "tabwire/react";
import { login } from "./login";

interface Events {
  order_created: { orderId: string };
}

export function Orders({ server }: { server: string }) {
  return (
    <TabwireProvider options={{ url: `${server}/ws`, user: "ana", getToken: () => login(server) }}>
      <List />
    </TabwireProvider>
  );
}

export function List() {
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
