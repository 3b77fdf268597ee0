// @vitest-environment happy-dom
import { configureStore, createAsyncThunk, createSlice, type PayloadAction } from "@reduxjs/toolkit";
import { createApi, fakeBaseQuery } from "@reduxjs/toolkit/query";
import { applyMiddleware, legacy_createStore } from "redux";
import { beforeEach, expect, test, vi } from "vitest";
import { createWith } from "../src/create.js";
import { type eventAction, STATE_ACTION, STATUS_ACTION, tabwireMiddleware, tabwireStream } from "../src/redux.js";
import type { TabwireStatus } from "../src/types.js";
import { FakeClient, fakeModule, flush, newPage } from "./fake-client.js";

type Events = { order_created: { orderId: string }; order_updated: { orderId: string; status: string }; other: object };
type Shop = { orders: Record<string, string> };

beforeEach(newPage);

async function open() {
  const { load, loaded } = fakeModule();
  const onError = vi.fn();
  const wire = createWith<Events, object, Shop>(load, { url: "/ws", user: "u_1", getToken: () => "t", onError });
  await loaded();
  return { wire, client: FakeClient.last, onError };
}

const created = (payload: Events["order_created"]) => ({ type: "orders/created", payload });
const orders = createSlice({
  name: "orders",
  initialState: {} as Record<string, string>,
  reducers: {
    created: (state, { payload }: PayloadAction<Events["order_created"]>) => void (state[payload.orderId] = "new"),
  },
  extraReducers: (builder) => {
    builder.addCase("tabwire/order_updated", (state, { payload }: ReturnType<typeof eventAction<"order_updated", Events["order_updated"]>>) => {
      if (payload.status === "bad") throw new Error("bad");
      state[payload.orderId] = payload.status;
    });
    builder.addCase(STATE_ACTION, (_, { payload }: PayloadAction<Shop | undefined, typeof STATE_ACTION>) => payload?.orders ?? {});
  },
});
const status = (state = "idle", action: { type: string; payload?: TabwireStatus }) =>
  action.type === STATUS_ACTION ? action.payload!.state : state;

function toolkit(middleware: ReturnType<typeof tabwireMiddleware>) {
  const seen: string[] = [];
  const store = configureStore({
    reducer: { orders: orders.reducer, status, log: (n: number = 0, { type }) => (seen.push(type), n) },
    middleware: (defaults) => defaults().concat(middleware),
  });
  seen.length = 0;
  return { store, seen };
}

test("the events of a delivery are dispatched in order, each as its own action unless toAction says otherwise", async () => {
  const { wire, client } = await open();
  const { store, seen } = toolkit(
    tabwireMiddleware(wire, {
      toAction: (event) => {
        if (event.type === "order_created") return [created(event.payload), { type: "orders/counted" }];
        if (event.type === "order_updated") return { type: "tabwire/order_updated", payload: event.payload };
        return undefined;
      },
    }),
  );
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_updated", { orderId: "a", status: "paid" }], [3, "other"]);
  expect(seen).toEqual(["orders/created", "orders/counted", "tabwire/order_updated"]);
  expect(store.getState().orders).toEqual({ a: "paid" });
});

test("without toAction an event is tabwire/<type> with its payload, and the rest of it as meta", async () => {
  const { wire, client } = await open();
  const next = vi.fn();
  tabwireMiddleware(wire)({ dispatch: next });
  client.deliver([7, "order_created", { orderId: "a" }]);
  expect(next).toHaveBeenCalledExactlyOnceWith({
    type: "tabwire/order_created",
    payload: { orderId: "a" },
    meta: { id: 7, module: "orders", scope: { shopId: "s_1" }, timestamp: expect.any(Number) },
  });
});

test("toBatchAction makes one action of a delivery", async () => {
  const { wire, client } = await open();
  const { seen } = toolkit(tabwireMiddleware(wire, { toBatchAction: (events) => ({ type: "orders/batch", payload: events.length }) }));
  client.deliver([1, "order_created", { orderId: "a" }], [2, "order_created", { orderId: "b" }]);
  expect(seen).toEqual(["orders/batch"]);
});

test("a fetched state and each change of the status are actions too", async () => {
  const { wire, client } = await open();
  const { store, seen } = toolkit(tabwireMiddleware(wire));
  client.deliver([1, "order_created", { orderId: "a" }]);
  client.host.refreshed("expired", "e", 5);
  expect(store.getState().orders).toEqual({});
  client.open();
  expect(store.getState().status).toBe("open");
  expect(seen).toEqual(["tabwire/order_created", STATE_ACTION, STATUS_ACTION]);
});

test("an action whose reducer throws is reported and costs only its own event", async () => {
  const { wire, client, onError } = await open();
  const { store } = toolkit(tabwireMiddleware(wire, { toAction: (event) => ({ ...event, type: event.type === "order_created" ? "orders/created" : `tabwire/${event.type}` }) }));
  client.deliver([1, "order_updated", { orderId: "a", status: "bad" }], [2, "order_created", { orderId: "b" }]);
  expect(store.getState().orders).toEqual({ b: "new" });
  expect(onError).toHaveBeenCalledOnce();
});

test("after stop nothing is dispatched, and other middleware and thunks keep their types", async () => {
  const { wire, client } = await open();
  const middleware = tabwireMiddleware(wire);
  const { store, seen } = toolkit(middleware);
  const thunk = createAsyncThunk("later", async () => 5);
  expect((await store.dispatch(thunk())).payload).toBe(5);
  middleware.stop();
  seen.length = 0;
  client.deliver([1, "order_created", { orderId: "a" }]);
  expect(seen).toEqual([]);
});

test("plain Redux takes the middleware as well", async () => {
  const { wire, client } = await open();
  const store = legacy_createStore((n: number = 0, { type }: { type: string }) => (type.startsWith("tabwire/") ? n + 1 : n), applyMiddleware(tabwireMiddleware(wire)));
  client.deliver([1, "other"], [2, "other"]);
  expect(store.getState()).toBe(2);
});

/** An endpoint whose query is answered when the test says so. */
function shopApi(wire: Awaited<ReturnType<typeof open>>["wire"], onRefresh?: () => void) {
  let answer!: (ids: string[]) => void;
  let ended!: () => void;
  const over = new Promise<void>((resolve) => (ended = resolve));
  const api = createApi({
    baseQuery: fakeBaseQuery(),
    endpoints: (build) => ({
      orders: build.query<string[], void>({
        queryFn: async () => ({ data: await new Promise<string[]>((resolve) => (answer = resolve)) }),
        async onCacheEntryAdded(_, lifecycle) {
          for await (const { payload } of tabwireStream(wire, ["order_created"], lifecycle, onRefresh && { onRefresh })) {
            lifecycle.updateCachedData((ids) => void ids.push(payload.orderId));
          }
          ended();
        },
        keepUnusedDataFor: 0,
      }),
    }),
  });
  const store = configureStore({ reducer: { api: api.reducer }, middleware: (defaults) => defaults().concat(api.middleware) });
  return { store, api, answer: (ids: string[]) => answer(ids), over, data: () => api.endpoints.orders.select()(store.getState()).data };
}

test("events that come before the data of a query has are put into it once it is there, in order", async () => {
  const { wire, client } = await open();
  const { store, api, answer, data } = shopApi(wire);
  const query = store.dispatch(api.endpoints.orders.initiate());
  await flush();
  client.deliver([1, "order_created", { orderId: "b" }], [2, "other"]);
  client.deliver([3, "order_created", { orderId: "c" }]);
  expect(data()).toBeUndefined();
  answer(["a"]);
  await query;
  client.deliver([4, "order_created", { orderId: "d" }]);
  await vi.waitFor(() => expect(data()).toEqual(["a", "b", "c", "d"]));
});

test("the stream ends with the cache entry, also when that is removed before its data came", async () => {
  for (const loads of [true, false]) {
    newPage();
    const { wire } = await open();
    const { store, api, answer, over } = shopApi(wire);
    const query = store.dispatch(api.endpoints.orders.initiate());
    await flush();
    if (loads) {
      answer([]);
      await query;
    }
    query.unsubscribe();
    if (!loads) store.dispatch(api.util.resetApiState());
    await over;
  }
});

test("a stream says when events may be missing, so that the data is fetched again", async () => {
  const { wire, client } = await open();
  const onRefresh = vi.fn();
  const stream = tabwireStream(wire, ["order_created"], {}, { onRefresh });
  client.host.refreshed("expired", "e", 5);
  expect(onRefresh).toHaveBeenCalledExactlyOnceWith({ reason: "expired", position: { epoch: "e", lastEventId: 5 } });
  await stream.return?.();
  client.host.refreshed("expired", "e", 6);
  expect(onRefresh).toHaveBeenCalledOnce();
});

test("a stream older than the client's first position says so too, once", async () => {
  const { wire, client } = await open();
  const onRefresh = vi.fn();
  tabwireStream(wire, ["order_created"], {}, { onRefresh });
  client.host.status("connecting", "leader", undefined, undefined, "u_1", "s_1", []);
  expect(onRefresh).not.toHaveBeenCalled();
  client.at = { epoch: "e", view: "v", lastEventId: 4 };
  client.open();
  client.open(["orders"]);
  expect(onRefresh).toHaveBeenCalledExactlyOnceWith({ reason: "initial", position: { epoch: "e", lastEventId: 4 } });
});

test("leaving the loop ends the stream, and a pending next with it", async () => {
  const { wire, client } = await open();
  const stream = tabwireStream(wire, ["order_created"]);
  const pending = stream.next();
  await stream.return?.();
  client.deliver([1, "order_created", { orderId: "a" }]);
  expect(await pending).toEqual({ done: true, value: undefined });
});

test("more events than may wait end the stream with an error, not with a hole", async () => {
  const { wire, client } = await open();
  const stream = tabwireStream(wire, ["other"], {}, { maxWaiting: 2 });
  client.deliver([1, "other"], [2, "other"]);
  client.deliver([3, "other"]);
  await expect(stream.next()).rejects.toMatchObject({ code: "queue_full" });
});
