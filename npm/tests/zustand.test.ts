// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { createJSONStorage, devtools, persist, subscribeWithSelector } from "zustand/middleware";
import { createStore } from "zustand/vanilla";
import { createWith } from "../src/create.js";
import type { Cursor } from "../src/types.js";
import { bindStore, tabwire } from "../src/zustand.js";
import { FakeClient, fakeModule, newPage } from "./fake-client.js";

type Events = { order_created: { orderId: string }; order_updated: { orderId: string; status: string } };
type Shop = { orders: Record<string, string> };
interface Store {
  orders: Record<string, string>;
  note: string;
  tabwire?: Cursor | undefined;
}

async function open(fetchesState = true) {
  const { load, loaded } = fakeModule();
  const onError = vi.fn();
  const fetchState = async () => ({ state: { orders: { a: "new" } } });
  const wire = createWith<Events, object, Shop>(load, { url: "/ws", user: "u_1", getToken: () => "t", onError, ...(fetchesState && { fetchState }) });
  const store = createStore<Store>(() => ({ orders: {}, note: "kept" }));
  const changes = vi.fn();
  store.subscribe(changes);
  await loaded();
  return { wire, store, changes, client: FakeClient.last, onError };
}

const reducers = {
  state: (_: Store, fetched: Shop | undefined) => ({ orders: fetched?.orders ?? {} }),
  order_created: (s: Store, { payload }: { payload: Events["order_created"] }) => ({ orders: { ...s.orders, [payload.orderId]: "new" } }),
  order_updated: (s: Store, { payload }: { payload: Events["order_updated"] }) => {
    if (payload.status === "bad") throw new Error("bad");
    return payload.orderId in s.orders ? { orders: { ...s.orders, [payload.orderId]: payload.status } } : undefined;
  },
};

beforeEach(newPage);

test("a batch is one setState, each event sees what those before it did", async () => {
  const { wire, store, changes, client } = await open();
  bindStore(wire, store, reducers);
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_updated", { orderId: "a", status: "paid" }], [3, "other"]);
  expect(changes).toHaveBeenCalledOnce();
  expect(store.getState()).toEqual({ orders: { a: "paid" }, note: "kept" });
});

test("events that change nothing set nothing", async () => {
  const { wire, store, changes, client } = await open();
  bindStore(wire, store, reducers);
  client.deliver([1, "other"], [2, "order_updated", { orderId: "x", status: "paid" }]);
  expect(changes).not.toHaveBeenCalled();
});

test("a fetched state goes through `state`, with undefined when there is no fetchState", async () => {
  const { wire, store, client } = await open(false);
  const off = bindStore(wire, store, reducers);
  store.setState({ orders: { z: "old" } });
  client.host.refreshed("expired", "e", 5);
  expect(store.getState().orders).toEqual({});
  off();
  store.setState({ orders: { z: "old" } });
  client.host.refreshed("expired", "e", 9);
  client.deliver([10, "order_created", { orderId: "a" }]);
  expect(store.getState().orders).toEqual({ z: "old" });
});

test("the cursor is stored in the same setState as what it stands for, when asked for", async () => {
  const { wire, store, changes, client } = await open();
  bindStore(wire, store, reducers, { persistCursor: true });
  client.host.fetchState(1, "initial", "e", 4);
  await vi.waitFor(() => expect(client.log).toContain("stateFetched"));
  client.at = { epoch: "e", view: "v", lastEventId: 4 };
  client.host.applyState(1, "initial", "e", 4);
  expect(store.getState()).toEqual({ orders: { a: "new" }, note: "kept", tabwire: { epoch: "e", view: "v", lastEventId: 4 } });
  client.at = { epoch: "e", view: "v", lastEventId: 6 };
  client.deliver([6, "other"]);
  expect(store.getState().tabwire).toEqual(client.at);
  expect(changes).toHaveBeenCalledTimes(2);
});

test("a reducer that throws is reported and costs only its own event", async () => {
  const { wire, store, client, onError } = await open();
  bindStore(wire, store, reducers);
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_updated", { orderId: "a", status: "bad" }], [3, "order_created", { orderId: "b" }]);
  expect(store.getState().orders).toEqual({ a: "new", b: "new" });
  expect(onError).toHaveBeenCalledOnce();
  client.deliver([4, "order_updated", { orderId: "a", status: "bad" }], [5, "order_updated", { orderId: "b", status: "bad" }]);
  expect(onError.mock.calls[1]![0].cause).toBeInstanceOf(AggregateError);
});

test("an event type named like a method of Object is no reducer", async () => {
  const { wire, store, client, onError } = await open();
  bindStore(wire, store, reducers);
  client.deliver([1, "constructor"], [2, "toString"], [3, "state"], [4, "__proto__"]);
  expect(onError).not.toHaveBeenCalled();
  expect(store.getState()).toEqual({ orders: {}, note: "kept" });
});

test("devtools see the events' names", async () => {
  const { wire, client } = await open();
  const store = createStore<Store>()(devtools(() => ({ orders: {}, note: "" }), { enabled: false }));
  const setState = vi.spyOn(store, "setState");
  bindStore(wire, store, reducers);
  client.deliver([1, "order_created", { orderId: "a" }]);
  client.deliver([2, "order_created", { orderId: "b" }], [3, "order_created", { orderId: "c" }]);
  client.deliver([4, "order_created", { orderId: "d" }], [5, "order_updated", { orderId: "d", status: "paid" }]);
  expect(setState.mock.calls.map((call) => (call as unknown[])[2])).toEqual(["tabwire/order_created", "tabwire/order_created ×2", "tabwire/2 events"]);
});

test("the middleware form binds the store it makes, inside and outside of other middleware", async () => {
  const { wire, client } = await open();
  const inside = createStore<Store>()(subscribeWithSelector(tabwire(() => ({ orders: {}, note: "kept" }), { wire, reducers })));
  const outside = createStore<Store>()(tabwire(subscribeWithSelector(() => ({ orders: {}, note: "kept" })), { wire, reducers }));
  const selected = vi.fn();
  inside.subscribe((s) => s.orders, selected);
  outside.subscribe((s) => s.orders, selected);
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_created", { orderId: "b" }]);
  expect(inside.getState()).toEqual({ orders: { a: "new", b: "new" }, note: "kept" });
  expect(outside.getState()).toEqual(inside.getState());
  expect(selected).toHaveBeenCalledTimes(2);
});

test("what is persisted has the state and its cursor in one write, whichever way middleware is nested", async () => {
  const { wire, client } = await open();
  const writes: string[] = [];
  const storage = createJSONStorage(() => ({ getItem: () => null, setItem: (_, value) => void writes.push(value), removeItem: () => {} }));
  const init = () => ({ orders: {}, note: "" });
  createStore<Store>()(persist(tabwire(init, { wire, reducers, persistCursor: true }), { name: "shop", storage }));
  createStore<Store>()(tabwire(persist(init, { name: "shop", storage }), { wire, reducers, persistCursor: true }));
  writes.length = 0;
  client.at = { epoch: "e", view: "v", lastEventId: 2 };
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_created", { orderId: "b" }]);
  expect(writes.map((value) => JSON.parse(value).state)).toEqual(Array(2).fill({ orders: { a: "new", b: "new" }, note: "", tabwire: client.at }));
});

test("the devtools extension gets an action per delivery, named after its events", async () => {
  const { wire, client } = await open();
  const send = vi.fn();
  vi.stubGlobal("__REDUX_DEVTOOLS_EXTENSION__", { connect: () => ({ init() {}, subscribe() {}, send }) });
  const init = () => ({ orders: {}, note: "" });
  createStore<Store>()(devtools(tabwire(init, { wire, reducers }), { enabled: true }));
  createStore<Store>()(tabwire(devtools(init, { enabled: true }), { wire, reducers }));
  vi.unstubAllGlobals();
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_created", { orderId: "b" }]);
  expect(send.mock.calls.map(([{ type }]) => type)).toEqual(Array(2).fill("tabwire/order_created ×2"));
});
