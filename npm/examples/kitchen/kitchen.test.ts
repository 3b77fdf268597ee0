/** How an app is tested: no server, no browser, the test says what comes. */

import { createFakeTabwire, TabwireError } from "tabwire/testing";
import { expect, test, vi } from "vitest";
import { type Commands, createKitchen, type Events, type State } from "./kitchen.js";

const create = (options?: Parameters<typeof createFakeTabwire<Events, Commands, State>>[0]) => {
  const wire = createFakeTabwire<Events, Commands, State>(options);
  const ring = vi.fn();
  return { wire, ring, kitchen: createKitchen(wire, ring) };
};

test("a new order is listed and rings the bell once", () => {
  const { wire, kitchen, ring } = create();
  wire.refresh({ orders: [{ orderId: "a", status: "new" }] });
  const { id } = wire.emit("order_created", { orderId: "b" });
  wire.emit("order_created", { orderId: "b" }, { id });
  expect(kitchen.store.getState().orders.map(({ orderId }) => orderId)).toEqual(["a", "b"]);
  expect(ring).toHaveBeenCalledOnce();
});

test("what was missed comes as one batch and is one change of the store", () => {
  const { wire, kitchen } = create();
  const changed = vi.fn();
  kitchen.store.subscribe(changed);
  wire.emitBatch([
    { type: "order_created", payload: { orderId: "a" } },
    { type: "order_updated", payload: { orderId: "a", status: "ready" } },
  ]);
  expect(kitchen.store.getState().orders).toEqual([{ orderId: "a", status: "ready" }]);
  expect(changed).toHaveBeenCalledOnce();
});

test("an order that is ready is sent, and the store waits for the event", async () => {
  const { wire, kitchen } = create();
  wire.refresh({ orders: [{ orderId: "a", status: "new" }] });
  await kitchen.ready("a");
  expect(wire.sent).toEqual([{ type: "order_updated", payload: { orderId: "a", status: "ready" } }]);
  expect(kitchen.store.getState().orders[0]!.status).toBe("new");
});

test("a command that the server refuses is shown", async () => {
  const onSend = () => {
    throw new TabwireError("forbidden", "not yours", { executed: "no" });
  };
  const { kitchen } = create({ onSend });
  await kitchen.ready("a");
  expect(kitchen.store.getState().failed).toBe("a: not yours");
});
