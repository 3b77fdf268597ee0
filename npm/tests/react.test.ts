// @vitest-environment happy-dom
import { createElement as h, type ReactNode, StrictMode, act, useState, version } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TabwireContext, TabwireProvider, useTabwire, type LiveStateOptions, useTabwireEvent, useTabwireState, useTabwireStatus } from "../src/react.js";
import { createFakeTabwire } from "../src/testing.js";
import type { Tabwire, TabwireOptions } from "../src/types.js";
import { FakeClient, newPage } from "./fake-client.js";

const options: TabwireOptions = { url: "/ws", user: "u_1", getToken: () => "t", onError: () => {} };
let root: Root;
let page: HTMLElement;

beforeEach(() => {
  newPage();
  Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true });
  page = document.createElement("div");
  root = createRoot(page);
});
afterEach(() => act(() => root.unmount()));

const render = (node: ReactNode) => act(() => root.render(node));
const provider = (children: ReactNode, own: Partial<TabwireOptions> = {}) => h(TabwireProvider, { options: { ...options, ...own } }, children);

/** The fake module is loaded in the background: waits for its client. */
async function client(count = 1): Promise<FakeClient> {
  await vi.waitFor(() => expect(FakeClient.made).toHaveLength(count));
  return FakeClient.last;
}

function Status(): ReactNode {
  return useTabwireStatus().state;
}

test(`the status is rendered when it changes (React ${version})`, async () => {
  await render(provider(h(Status)));
  expect(page.textContent).toBe("connecting");
  const { host } = await client();
  await act(() => host.status("open", "leader", undefined, undefined, "u_1", "s_1", []));
  expect(page.textContent).toBe("open");
});

test("a selector renders again only when what it takes has changed, even if it makes objects", async () => {
  const renders: unknown[] = [];
  function Role(): ReactNode {
    const { role } = useTabwireStatus(({ role }) => ({ role }));
    const state = useTabwireStatus(({ state }) => state);
    renders.push([role, state]);
    return role;
  }
  function Count(): ReactNode {
    const count = useTabwireStatus(({ modules }) => modules.length);
    renders.push(count);
    return null;
  }
  await render(provider([h(Role, { key: "a" }), h(Count, { key: "b" })]));
  const { host } = await client();
  renders.length = 0;
  await act(() => host.status("connecting", "leader", undefined, undefined, undefined, undefined, []));
  expect(renders).toEqual([["leader", "connecting"]]);
});

test("under StrictMode there is one client, and it is closed after the provider is gone", async () => {
  await render(h(StrictMode, null, provider(h(Status))));
  const { log } = await client();
  expect(log).toEqual(["start"]);
  vi.useFakeTimers();
  await act(() => root.unmount());
  vi.advanceTimersByTime(1_000);
  vi.useRealTimers();
  expect(FakeClient.made).toHaveLength(1);
  expect(FakeClient.last.log).toEqual(["start", "close"]);
  root = createRoot(page);
});

test("an event goes to the latest handler, without a new subscription", async () => {
  const seen: unknown[] = [];
  let setN!: (n: number) => void;
  let on!: ReturnType<typeof vi.spyOn>;
  function Orders(): ReactNode {
    const [n, set] = useState(1);
    setN = set;
    const wire = useTabwire() as { -readonly [K in keyof Tabwire]: Tabwire[K] };
    on ??= vi.spyOn(wire, "on");
    useTabwireEvent("order", (event) => seen.push([n, event.id]));
    return null;
  }
  await render(h(StrictMode, null, provider(h(Orders))));
  const { host } = await client();
  const subscribed = on.mock.calls.length;
  const deliver = (id: number) => FakeClient.last.deliver([id, "order"]);
  deliver(1);
  await act(() => setN(2));
  deliver(2);
  expect(seen).toEqual([[1, 1], [2, 2]]);
  expect(on.mock.calls).toHaveLength(subscribed);
  await render(provider(null));
  FakeClient.last.deliver([3, "order"]);
  expect(seen).toHaveLength(2);
  expect(host).toBe(FakeClient.last.host);
});

test("new functions are taken over, another user gets another client", async () => {
  await render(provider(h(Status), { getToken: () => "first" }));
  const first = await client();
  await render(provider(h(Status), { getToken: () => "second" }));
  await act(async () => first.host.getToken(1, "connect"));
  await vi.waitFor(() => expect(first.calls.at(-1)).toEqual(["token", 1, "second"]));
  await render(provider(h(Status), { user: "u_2" }));
  const second = await client(2);
  expect(second.options.user).toBe("u_2");
});

test("another key of the shared state, as of another route, gets another client", async () => {
  const fetchState = () => ({ state: 1 });
  await render(provider(null, { fetchState, stateKey: "orders" }));
  const first = await client();
  await render(provider(null, { fetchState, stateKey: "chat" }));
  expect((await client(2)).options.stateKey).toBe("chat");
  expect(first.log).toContain("close");
});

test("a command sent in an effect, before the provider has opened its client, is sent", async () => {
  function Hello(): ReactNode {
    const { send } = useTabwire();
    useState(() => void send("hello", {}).catch(() => {}));
    return null;
  }
  await render(provider(h(Hello)));
  const made = await client();
  await vi.waitFor(() => expect(made.log).toEqual(["start", "send"]));
});

test("a client given to the context is the one that hooks find", async () => {
  const wire = createFakeTabwire({ status: { state: "refreshing" } });
  await render(h(TabwireContext.Provider, { value: wire }, h(Status)));
  expect(page.textContent).toBe("refreshing");
});

test("a client made elsewhere is used and not closed", async () => {
  const { createTabwire } = await import("../src/index.js");
  const wire = createTabwire(options);
  await render(h(TabwireProvider, { client: wire }, h(Status)));
  expect(page.textContent).toBe("connecting");
  await render(null);
  expect(wire.getStatus().state).toBe("connecting");
});

/** A component that shows the orders, whose state is fetched when the test says so. */
function orders() {
  const requests: { reason: string; head: number; epoch: string; signal: AbortSignal; answer: (state: number[], at?: number) => Promise<void>; fail: () => Promise<void> }[] = [];
  const renders: string[] = [];
  let add!: (n: number) => void;
  const reduces: LiveStateOptions<number[], Record<string, unknown>>["reduce"] = (state, { id, type }) => {
    if (type === "bad") throw new Error("bad");
    return type === "order" && !state.includes(id) ? [...state, id] : state;
  };
  const onError = vi.fn();
  function Orders({ id }: { readonly id?: string }): ReactNode {
    const [plus, setPlus] = useState(0);
    add = setPlus;
    const { status, state } = useTabwireState({
      key: id,
      fetchState: ({ signal, ...request }) =>
        new Promise<{ state: number[]; position?: { epoch: string; lastEventId: number } }>((resolve, reject) => {
          const answer = (ids: number[], at?: number) =>
            act(async () => resolve({ state: ids, ...(at !== undefined && { position: { epoch: request.epoch, lastEventId: at } }) }));
          requests.push({ ...request, signal, answer, fail: () => act(async () => reject(new Error("down"))) });
        }),
      reduce: (state, event) => reduces(state, { ...event, id: event.id + plus }),
      onError,
    });
    const text = `${status} ${state?.join() ?? "-"}`;
    renders.push(text);
    return text;
  }
  return { Orders, requests, renders, onError, add: (n: number) => act(() => add(n)) };
}

/** The machine reaches a position. */
async function placed(made: FakeClient, lastEventId: number): Promise<void> {
  made.at = { epoch: "e", view: "v", lastEventId };
  await act(() => made.open());
}
const deliver = (...events: Parameters<FakeClient["deliver"]>) => act(() => FakeClient.last.deliver(...events));

test("a component's state is fetched once the client has a position, and the events after it are reduced into it", async () => {
  const { Orders, requests } = orders();
  await render(h(StrictMode, null, provider(h(Orders))));
  const made = await client();
  expect(page.textContent).toBe("loading -");
  await placed(made, 3);
  const last = requests.at(-1)!;
  expect(last).toMatchObject({ reason: "initial", epoch: "e", head: 3 });
  await deliver([4, "order"], [5, "order"]);
  expect(page.textContent).toBe("loading -");
  await last.answer([1, 4], 4); // read after event 4
  expect(page.textContent).toBe("ready 1,4,5");
  await deliver([6, "order"]);
  expect(page.textContent).toBe("ready 1,4,5,6");
  expect(requests.filter(({ signal }) => !signal.aborted)).toHaveLength(1);
});

test("a batch is one render, and one that changes nothing is none", async () => {
  const { Orders, requests, renders } = orders();
  await render(provider(h(Orders)));
  await placed(await client(), 0);
  await requests[0]!.answer([]);
  renders.length = 0;
  await deliver([1, "order"], [2, "order"], [3, "order"]);
  await deliver([4, "other"]);
  expect(renders).toEqual(["ready 1,2,3"]);
});

test("the latest reducer is used without another fetch", async () => {
  const { Orders, requests, add } = orders();
  await render(provider(h(Orders)));
  await placed(await client(), 0);
  await requests[0]!.answer([]);
  await add(100);
  await deliver([1, "order"]);
  expect(page.textContent).toBe("ready 101");
  expect(requests).toHaveLength(1);
});

test("events that were missed fetch the state again, which is shown as it was until then", async () => {
  const { Orders, requests } = orders();
  await render(provider(h(Orders)));
  const made = await client();
  await placed(made, 0);
  await requests[0]!.answer([7]);
  await act(() => made.host.refreshed("expired", "f", 20));
  expect(page.textContent).toBe("refreshing 7");
  expect(requests[1]).toMatchObject({ reason: "expired", epoch: "f", head: 20 });
  await deliver([21, "order"]);
  await requests[1]!.answer([9]);
  expect(page.textContent).toBe("ready 9,21");
});

test("an answer to a request that is no longer wanted is dropped", async () => {
  const { Orders, requests } = orders();
  await render(provider(h(Orders)));
  const made = await client();
  await placed(made, 0);
  await act(() => made.host.refreshed("expired", "f", 20));
  expect(requests[0]!.signal.aborted).toBe(true);
  await requests[0]!.answer([1]);
  expect(page.textContent).toBe("loading -");
});

test("a fetch that fails, or is older than what the component has seen, is reported and tried again", async () => {
  const { Orders, requests, onError } = orders();
  vi.spyOn(Math, "random").mockReturnValue(0);
  await render(provider(h(Orders)));
  await placed(await client(), 5);
  await requests[0]!.fail();
  expect(page.textContent).toBe("failed -");
  await vi.waitFor(() => expect(requests).toHaveLength(2));
  await requests[1]!.answer([], 4);
  await vi.waitFor(() => expect(requests).toHaveLength(3));
  await requests[2]!.answer([5], 5);
  expect(page.textContent).toBe("ready 5");
  expect(onError.mock.calls.map(([{ code }]) => code)).toEqual(["fetch_state_failed", "fetch_state_failed"]);
});

test("a reducer that throws is reported and costs only its own event", async () => {
  const { Orders, requests, onError } = orders();
  await render(provider(h(Orders)));
  await placed(await client(), 0);
  await requests[0]!.answer([]);
  await deliver([1, "bad"], [2, "order"]);
  expect(page.textContent).toBe("ready 2");
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "handler_failed" }));
});

test("another key starts anew, and a component that is gone fetches and reduces nothing", async () => {
  const { Orders, requests } = orders();
  await render(provider(h(Orders, { id: "a" })));
  await placed(await client(), 0);
  await requests[0]!.answer([1]);
  await render(provider(h(Orders, { id: "b" })));
  expect(requests).toHaveLength(2);
  expect(page.textContent).toBe("loading -");
  await requests[1]!.answer([2]);
  expect(page.textContent).toBe("ready 2");
  await act(() => FakeClient.last.host.refreshed("expired", "e", 9));
  await render(provider(null));
  expect(requests.at(-1)!.signal.aborted).toBe(true);
  await deliver([10, "order"]);
});

test("a client that closed and opened again may lack events: the state is fetched again", async () => {
  const { createTabwire } = await import("../src/index.js");
  const wire = createTabwire(options);
  const { Orders, requests } = orders();
  await render(h(TabwireProvider, { client: wire }, h(Orders)));
  const made = await client();
  await placed(made, 0);
  await requests[0]!.answer([1]);
  made.at = undefined;
  await act(() => made.host.status("connecting", "none", undefined, undefined, undefined, undefined, []));
  await placed(made, 8);
  expect(requests[1]).toMatchObject({ head: 8 });
});

test("on a server a component's state is idle, and nothing is fetched", () => {
  const { Orders, requests } = orders();
  expect(renderToString(provider(h(Orders)))).toBe("idle -");
  expect(requests).toHaveLength(0);
});

test("after a hot reload, which makes new functions and runs effects again, an event is handled once", async () => {
  const seen: string[] = [];
  const Version = ({ name }: { readonly name: string }) => {
    useTabwireEvent("order", () => seen.push(name));
    return null;
  };
  await render(h(StrictMode, null, provider(h(Version, { name: "old" }))));
  await client();
  await render(h(StrictMode, null, provider(h(Version, { name: "new", key: "reloaded" }))));
  await deliver([1, "order"]);
  expect(seen).toEqual(["new"]);
  expect(FakeClient.made).toHaveLength(1);
});

test("on a server the status is idle and nothing is opened", () => {
  expect(renderToString(provider(h(Status)))).toBe("idle");
  expect(FakeClient.made).toHaveLength(0);
});

test("a hook without a provider says what is missing", () => {
  function Lost(): ReactNode {
    useTabwire();
    return null;
  }
  expect(() => renderToString(h(Lost))).toThrow(expect.objectContaining({ code: "no_provider" }));
});
