// @vitest-environment happy-dom
import { createFakeTabwire } from "tabwire/testing";
import { beforeEach, expect, test, vi } from "vitest";
import type { Commands, Events, Shop } from "../backend.js";
import { bindShop, createShop } from "./shop.js";

beforeEach(() => localStorage.clear());

function open() {
  const wire = createFakeTabwire<Events, Commands, Shop>();
  const store = createShop("shop");
  bindShop(wire, store);
  return { wire, store };
}

test("events that come together are one change of the store, and its cursor is in it", () => {
  const { wire, store } = open();
  wire.refresh({ orders: [], chat: [] });
  const changed = vi.fn();
  store.subscribe(changed);
  wire.emitBatch([
    { type: "order_created", payload: { orderId: "a", customer: "Ada" } },
    { type: "order_updated", payload: { orderId: "a", status: "ready" } },
  ]);
  expect(changed).toHaveBeenCalledOnce();
  expect(store.getState().orders).toEqual([{ orderId: "a", customer: "Ada", status: "ready" }]);
  expect(store.getState().tabwire).toEqual(wire.cursor());
});

test("what is stored is the state with its cursor", () => {
  const { wire } = open();
  wire.refresh({ orders: [], chat: [] });
  wire.emit("chat_message", { text: "hola" });
  expect(createShop("shop").getState()).toMatchObject({ chat: [{ text: "hola" }], tabwire: wire.cursor() });
});
