// @vitest-environment happy-dom
import { createElement as h, type ReactNode, StrictMode, act, useState, version } from "react";
import { createRoot, type Root } from "react-dom/client";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { TabwireProvider, useTabwire, useTabwireEvent, useTabwireStatus } from "../src/react.js";
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

test("a client made elsewhere is used and not closed", async () => {
  const { createTabwire } = await import("../src/index.js");
  const wire = createTabwire(options);
  await render(h(TabwireProvider, { client: wire }, h(Status)));
  expect(page.textContent).toBe("connecting");
  await render(null);
  expect(wire.getStatus().state).toBe("connecting");
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
