import { createFakeTabwire } from "tabwire/testing";
import { expect, test, vi } from "vitest";
import type { Commands, Events, Shop } from "../backend.js";
import { createShop } from "./store.js";

const chatOf = ({ store, api }: ReturnType<typeof createShop>) => api.endpoints.chat.select()(store.getState()).data;

test("orders are reduced in the order of their events", () => {
  const wire = createFakeTabwire<Events, Commands, Shop>();
  const { store } = createShop(wire, async () => []);
  wire.refresh({ orders: [{ orderId: "a", customer: "Ada", status: "new" }], chat: [] });
  wire.emit("order_created", { orderId: "b", customer: "Bo" });
  wire.emit("order_updated", { orderId: "b", status: "ready" });
  expect(store.getState().orders.map(({ customer, status }) => `${customer} ${status}`)).toEqual(["Ada new", "Bo ready"]);
});

test("a line of the chat that comes while the chat is fetched is there once", async () => {
  const wire = createFakeTabwire<Events, Commands, Shop>();
  const fetched = deferred<{ id: number; by: string; text: string }[]>();
  const shop = createShop(wire, () => fetched.promise);
  shop.store.dispatch(shop.api.endpoints.chat.initiate());
  const first = wire.emit("chat_message", { text: "first" });
  wire.emit("chat_message", { text: "second" });
  fetched.resolve([{ id: first.id, by: "?", text: "first" }]);
  await vi.waitFor(() => expect(chatOf(shop)?.map(({ text }) => text)).toEqual(["first", "second"]));
});

test("the status is in the store", () => {
  const wire = createFakeTabwire<Events, Commands, Shop>();
  const { store } = createShop(wire, async () => []);
  wire.setStatus({ state: "reconnecting", role: "follower" });
  expect(store.getState().connection).toBe("reconnecting, follower");
});

function deferred<T>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((resolved) => (resolve = resolved));
  return { promise, resolve };
}
