// Every entry, as an app that compiles for Node names them, and with nothing left unchecked in what they declare.

import { createTabwire, TabwireError, type Tabwire, type TabwireOptions } from "tabwire";
import { TabwireProvider, useTabwireState } from "tabwire/react";
import { tabwireMiddleware } from "tabwire/redux";
import { createTabwire as createSlim, init } from "tabwire/slim";
import { createFakeTabwire } from "tabwire/testing";
import { bindStore } from "tabwire/zustand";

interface Events {
  order_created: { orderId: string };
}

const options: TabwireOptions = { url: "/ws", user: "ana", getToken: () => null };
const clients: Tabwire<Events>[] = [createTabwire<Events>(options), createSlim<Events>(options), createFakeTabwire<Events>()];
for (const client of clients) {
  client.on("order_created", ({ payload }) => payload.orderId.toUpperCase());
  // @ts-expect-error there is no such event
  client.on("order_creatd", () => {});
}

export const used = [TabwireError, TabwireProvider, useTabwireState, tabwireMiddleware, init, bindStore];
