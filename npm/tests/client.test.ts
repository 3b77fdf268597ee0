// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createWith } from "../src/create.js";
import { TabwireError } from "../src/errors.js";
import { SHARED_STATE_CHARS_MAX } from "../src/fetches.js";
import { LINGER_MS } from "../src/registry.js";
import type { Tabwire, TabwireOptions } from "../src/types.js";
import { FakeClient, fakeModule, flush, newPage } from "./fake-client.js";

const basics = { url: "/ws", user: "u_1", getToken: () => "t" };
type Wire = Tabwire<Record<string, unknown>, Record<string, unknown>, unknown>;

function page() {
  const module = fakeModule();
  const onError = vi.fn<(error: TabwireError) => void>();
  const create = (options: Partial<TabwireOptions> = {}): Wire => createWith(module.load, { ...basics, onError, ...options });
  return { create, onError, ...module };
}

beforeEach(() => {
  newPage();
  vi.useFakeTimers();
  location.href = "https://shop.example/app/";
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("creation", () => {
  test("the module gets the absolute address, the group and the cursor", async () => {
    const { create, loaded } = page();
    const cursor = { epoch: "e", view: "v", lastEventId: 5 };
    create({ namespace: "ns", initialCursor: cursor });
    await loaded();
    const url = "wss://shop.example/ws";
    expect(FakeClient.last.options).toEqual({
      url,
      group: `ns|${url}|u_1`,
      user: "u_1",
      cursor,
      fetchesState: false,
      stateKey: undefined,
      handsOver: false, // happy-dom has `onfreeze`, as Chromium has
    });
    expect(FakeClient.last.log).toEqual(["start"]);
  });

  test.each([
    ["/ws", "wss://shop.example/ws"],
    ["ws?x=1#part", "wss://shop.example/app/ws?x=1"],
    ["http://other.example:81/ws", "ws://other.example:81/ws"],
    ["ws://other.example/", "ws://other.example/"],
  ])("%s is %s", async (url, absolute) => {
    const { create, loaded } = page();
    create({ url });
    await loaded();
    expect(FakeClient.last.options.url).toBe(absolute);
  });

  test("the key of a shared state is free of what JSON escapes", async () => {
    const { create, loaded } = page();
    create({ fetchState: () => ({ state: 1 }), stateKey: '/orders?q="ü\n"' });
    await loaded();
    expect(FakeClient.last.options.stateKey).toBe("%2Forders%3Fq%3D%22%C3%BC%0A%22");
  });

  test.each([
    ["auto", "a", false],
    ["auto", "no", true],
    [undefined, "a", false],
    [undefined, "no", true],
    ["always", "a", true],
    ["never", "no", false],
  ] as const)("with handOver %s in a browser with %s freeze event, a hidden leader hands over: %s", async (handOver, freezes, hands) => {
    const has = (target: Document, name: PropertyKey) => (name === "onfreeze" ? freezes === "a" : name in target);
    vi.stubGlobal("document", new Proxy(document, { has }));
    const { create, loaded } = page();
    create({ handOver });
    await loaded();
    expect(FakeClient.last.options.handsOver).toBe(hands);
  });

  const MISSING = "is missing, it must be";
  const fetchState = () => ({ state: 1 });
  test.each([
    ["url", { url: "" }, 'must be the server\'s address, such as "/ws"'],
    ["url", { url: undefined }, MISSING],
    ["url", { url: new URL("https://shop.example/ws") }, "must be"],
    ["url", { url: "ftp://x/" }, "must be an address of http(s) or ws(s), not ftp://x/"],
    ["url", { url: "http://[" }, "must be an address of http(s) or ws(s), not http://["],
    ["user", { user: undefined }, MISSING],
    ["user", { user: "" }, "must be the token's sub"],
    ["user", { user: 101 }, "must be the token's sub"],
    ["user", { user: "a b" }, "must be the token's sub"],
    ["user", { user: "x".repeat(129) }, "must be the token's sub"],
    ["getToken", { getToken: undefined }, MISSING],
    ["getToken", { getToken: "token" }, "must be a function that returns a JWT, or null when logged out"],
    ["namespace", { namespace: "" }, "must be a text, or left out"],
    ["namespace", { namespace: 1 }, "must be a text, or left out"],
    ["fetchState", { fetchState: true }, "must be a function, or left out"],
    ["fetchState", { fetchState: null }, "must be a function, or left out"],
    ["stateKey", { fetchState, stateKey: "" }, "must be a text of 1 to 256 characters, or left out"],
    ["stateKey", { fetchState, stateKey: 5 }, "must be a text"],
    ["stateKey", { fetchState, stateKey: null }, "must be a text"],
    ["stateKey", { fetchState, stateKey: "x".repeat(257) }, "must be a text"],
    ["stateKey", { fetchState, stateKey: "\ud800" }, "must be a text"],
    ["stateKey", { stateKey: "no state to share" }, "needs fetchState"],
    ["handOver", { handOver: "sometimes" }, 'must be "auto", "always" or "never", or left out'],
    ["handOver", { handOver: true }, "must be"],
    ["handOver", { handOver: null }, "must be"],
    ["onError", { onError: "log" }, "must be a function, or left out"],
    ["debug", { debug: "yes" }, "must be true or false, or left out"],
    ["debug", { debug: 1 }, "must be true or false, or left out"],
    ["initialCursor", { initialCursor: null }, "must be what cursor() gave"],
    ["initialCursor", { initialCursor: { lastEventId: 5 } }, "must be what cursor() gave"],
    ["initialCursor", { initialCursor: { epoch: "e", view: "v", lastEventId: -1 } }, "must be"],
    ["initialCursor", { initialCursor: { epoch: "e", view: "v", lastEventId: 1.5 } }, "must be"],
    ["initialCursor", { initialCursor: { epoch: "e", view: "v", lastEventId: 2 ** 53 } }, "must be"],
    ["getTokn", { getTokn: () => "t" }, "is unknown, there are url, user, getToken, namespace, fetchState, stateKey, handOver, initialCursor, onError, debug"],
  ])("a bad %s throws at once and is named: %o", (name, options, wrong) => {
    const { create } = page();
    expect(() => create(options as never)).toThrow(
      expect.objectContaining({ name: "TabwireError", code: "bad_option", message: expect.stringContaining(`createTabwire: ${name} ${wrong}`) }),
    );
  });

  test("every option may be given, and those with a default as undefined", () => {
    const { create } = page();
    const cursor = { epoch: "e", view: "v", lastEventId: 2 ** 53 - 1 };
    const all: Required<TabwireOptions> = {
      ...{ ...basics, namespace: "n", fetchState, stateKey: "\n😀".repeat(128), handOver: "never" },
      ...{ initialCursor: cursor, onError: () => {}, debug: false },
    };
    expect(() => create(all)).not.toThrow();
    const optional = Object.keys(all).filter((name) => !(name in basics));
    expect(() => create(Object.fromEntries(optional.map((name) => [name, undefined])))).not.toThrow();
  });

  test("no options at all throw at once", () => {
    expect(() => createWith(page().load, undefined as never)).toThrow(
      expect.objectContaining({ code: "bad_option", message: "createTabwire: options must be an object" }),
    );
  });
});

describe("one client per group and page", () => {
  test("two creations share a client, which ends a while after the last close", async () => {
    const { create, loaded } = page();
    const [a, b] = [create(), create()];
    await loaded();
    expect(FakeClient.made).toHaveLength(1);
    a.close();
    a.close();
    vi.advanceTimersByTime(LINGER_MS * 2);
    expect(FakeClient.last.log).toEqual(["start"]);
    b.close();
    vi.advanceTimersByTime(LINGER_MS - 1);
    expect(FakeClient.last.log).toEqual(["start"]);
    vi.advanceTimersByTime(1);
    expect(FakeClient.last.log).toEqual(["start", "close"]);
  });

  test("another user, address or namespace is another client", async () => {
    const { create, loaded } = page();
    create();
    create({ user: "u_2" });
    create({ url: "/other" });
    create({ namespace: "other" });
    await loaded();
    expect(FakeClient.made).toHaveLength(4);
  });

  test("closed and created in one turn, as StrictMode does, the client goes on", async () => {
    const { create, loaded } = page();
    const fetchState = () => ({ state: 1 });
    create({ fetchState }).close();
    create({ fetchState });
    await loaded();
    vi.advanceTimersByTime(LINGER_MS * 2);
    expect(FakeClient.made).toHaveLength(1);
    expect(FakeClient.last.log).toEqual(["start"]);
  });

  test("created again while the client lingers, it goes on when nothing was missed", async () => {
    const { create, loaded } = page();
    const first = create();
    await loaded();
    first.close();
    await flush();
    create();
    expect(FakeClient.made).toHaveLength(1);
  });

  test.each([
    ["events were delivered to nobody", {}, (client: FakeClient) => client.deliver([1, "order"])],
    ["a new store may need a state", { fetchState: () => ({ state: 1 }) }, () => {}],
    ["the app goes on from a cursor of its own", { initialCursor: { epoch: "e", view: "v", lastEventId: 5 } }, (client: FakeClient) => (client.at = { epoch: "e", view: "v", lastEventId: 6 })],
    ["all tabs were logged out", {}, (client: FakeClient) => client.logout()],
  ])("created again while the client lingers, it is a new one when %s", async (_, options, meanwhile) => {
    const { create, loaded } = page();
    const first = create(options);
    await loaded();
    first.close();
    await flush();
    meanwhile(FakeClient.last);
    create(options);
    await flush();
    expect(FakeClient.made).toHaveLength(2);
    expect(FakeClient.made[0]!.log).toContain("close");
  });

  test("handlers of a closed handle are gone, those of the others stay", async () => {
    const { create, loaded } = page();
    const [a, b] = [create(), create()];
    const [onA, onB] = [vi.fn(), vi.fn()];
    a.on("order", onA);
    b.on("order", onB);
    await loaded();
    a.close();
    FakeClient.last.deliver([1, "order"]);
    expect(onA).not.toHaveBeenCalled();
    expect(onB).toHaveBeenCalledOnce();
    expect(a.getStatus()).toMatchObject({ state: "stopped", reason: "closed" });
  });

  test("the newest handle's functions are called", async () => {
    const { create, loaded } = page();
    create({ getToken: () => "old" });
    create({ getToken: () => "new" });
    await loaded();
    FakeClient.last.host.getToken(1, "connect");
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(["token", 1, "new"]);
  });

  test("handles that disagree about the key of their shared state are refused", async () => {
    const { create, loaded } = page();
    const fetchState = () => ({ state: 1 });
    create({ fetchState, stateKey: "orders" });
    await loaded();
    expect(() => create({ fetchState })).toThrow(/stateKey/);
    expect(() => create({ fetchState, stateKey: "chat" })).toThrow(/stateKey/);
    create({ fetchState, stateKey: "orders" });
    expect(FakeClient.made).toHaveLength(1);
  });

  test("closed and created in one turn with another key, as a change of route does, the client is a new one", async () => {
    const { create, loaded } = page();
    const fetchState = () => ({ state: 1 });
    const first = create({ fetchState, stateKey: "orders" });
    await loaded();
    first.close();
    create({ fetchState, stateKey: "chat" });
    await flush();
    expect(FakeClient.made.map(({ options }) => options.stateKey)).toEqual(["orders", "chat"]);
    expect(FakeClient.made[0]!.log).toContain("close");
  });

  test("handles that disagree about fetchState or the cursor are refused: one of them would have a gap", async () => {
    const { create, loaded } = page();
    create();
    await loaded();
    expect(() => create({ fetchState: () => ({ state: 1 }) })).toThrow(/fetchState/);
    expect(() => create({ initialCursor: { epoch: "e", view: "v", lastEventId: 1 } })).toThrow(/initialCursor/);
  });
});

describe("status", () => {
  test("the snapshot is frozen and changes its identity only with its content", async () => {
    const { create, loaded } = page();
    const wire = create();
    expect(wire.getStatus()).toEqual({ state: "connecting", role: "none", modules: [] });
    await loaded();
    const listener = vi.fn();
    wire.subscribe(listener);
    FakeClient.last.open();
    const snapshot = wire.getStatus();
    expect(snapshot).toEqual({ state: "open", role: "leader", userId: "u_1", shopId: "s_1", modules: ["orders", "chat"] });
    expect(Object.isFrozen(snapshot) && Object.isFrozen(snapshot.modules)).toBe(true);
    FakeClient.last.open();
    expect(wire.getStatus()).toBe(snapshot);
    expect(listener).toHaveBeenCalledOnce();
    FakeClient.last.open(["orders"]);
    expect(wire.getStatus()).not.toBe(snapshot);
    FakeClient.last.host.status("reconnecting", "leader", undefined, 123, "u_1", "s_1", ["orders"]);
    expect(wire.getStatus()).toMatchObject({ state: "reconnecting", retryAt: 123 });
    FakeClient.last.open(["orders"]);
    expect("retryAt" in wire.getStatus()).toBe(false);
  });

  test("a listener that throws is reported, the others are told", async () => {
    const { create, loaded, onError } = page();
    const wire = create();
    await loaded();
    wire.subscribe(() => {
      throw new Error("bad");
    });
    const second = vi.fn();
    const off = wire.subscribe(second);
    FakeClient.last.open();
    off();
    FakeClient.last.open([]);
    expect(second).toHaveBeenCalledOnce();
    expect(onError).toHaveBeenCalledTimes(2);
  });

  test("methods work off the object", async () => {
    const { create, loaded } = page();
    const { on, getStatus, inspect, reconnect, cursor } = create();
    await loaded();
    const handler = vi.fn();
    on("order", handler);
    FakeClient.last.deliver([1, "order"]);
    reconnect();
    FakeClient.last.at = { epoch: "e", view: "v", lastEventId: 1 };
    expect(handler).toHaveBeenCalledOnce();
    expect(getStatus().state).toBe("connecting");
    expect(inspect().term).toBe(3);
    expect(cursor()).toEqual({ epoch: "e", view: "v", lastEventId: 1 });
    expect(FakeClient.last.log).toEqual(["start", "reconnect"]);
  });

  test("before the module is loaded the cursor is the initial one and there is nothing else to inspect", () => {
    const { create } = page();
    const initialCursor = { epoch: "e", view: "v", lastEventId: 5 };
    const wire = create({ initialCursor });
    expect(wire.cursor()).toEqual(initialCursor);
    const { counters, ...rest } = wire.inspect();
    expect(rest).toEqual({ tab: "", role: "none", outbox: 0, cursor: initialCursor });
    expect(Object.values(counters).every((count) => count === 0)).toBe(true);
  });

  test("inspect says what the module knows, by name, and what this side knows", async () => {
    const { create, loaded } = page();
    const wire = create();
    await loaded();
    FakeClient.last.open();
    FakeClient.last.at = { epoch: "e", view: "v", lastEventId: 7 };
    expect(wire.inspect()).toEqual({
      ...FakeClient.last.inspect(),
      role: "leader",
      cursor: { epoch: "e", view: "v", lastEventId: 7 },
      counters: {
        delivered: 1,
        duplicates: 2,
        gaps: 3,
        foreign: 4,
        ringRepairs: 5,
        serverRepairs: 6,
        refreshes: 7,
        leads: 8,
        connects: 9,
        stale: 10,
        steals: 11,
        abdications: 12,
        takeOvers: 13,
        statesShared: 14,
      },
    });
    wire.close();
    expect(wire.inspect()).toMatchObject({ tab: "", role: "none" });
  });

  test("a change of role is heard through the status, as the README shows it", async () => {
    const { create, loaded } = page();
    const wire = create();
    await loaded();
    const onRoleChange = vi.fn();
    let { role } = wire.getStatus();
    const off = wire.subscribe(() => {
      const before = role;
      role = wire.getStatus().role;
      if (role !== before) onRoleChange(role, before);
    });
    const { host } = FakeClient.last;
    host.status("open", "follower", undefined, undefined, "u_1", "s_1", []);
    host.status("reconnecting", "follower", undefined, 5, "u_1", "s_1", []);
    host.status("open", "leader", undefined, undefined, "u_1", "s_1", []);
    off();
    host.status("open", "follower", undefined, undefined, "u_1", "s_1", []);
    expect(onRoleChange.mock.calls).toEqual([["follower", "none"], ["leader", "follower"]]);
  });
});

describe("tokens", () => {
  test.each([
    ["a token", () => "jwt", ["token", 1, "jwt"]],
    ["a promise of one", async () => "jwt", ["token", 1, "jwt"]],
    ["null: logged out", () => null, ["token", 1, undefined]],
    ["undefined: logged out", () => undefined, ["token", 1, undefined]],
  ])("%s", async (_, getToken, call) => {
    const { create, loaded, onError } = page();
    create({ getToken });
    await loaded();
    FakeClient.last.host.getToken(1, "connect");
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(call);
    expect(onError).not.toHaveBeenCalled();
  });

  test.each([
    ["a throw", () => { throw new Error("offline"); }],
    ["a rejection", () => Promise.reject(new Error("offline"))],
    ["something else", () => 5 as never],
    ["an empty text", () => ""],
  ])("%s is reported and asked for again by the module", async (_, getToken) => {
    const { create, loaded, onError } = page();
    create({ getToken });
    await loaded();
    FakeClient.last.host.getToken(4, "unauthorized");
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(["tokenFailed", 4]);
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: "token_failed" });
  });
});

describe("state", () => {
  function pending() {
    const requests: { signal: AbortSignal; resolve: (value: never) => void; reject: (cause: unknown) => void }[] = [];
    const fetchState = ({ signal }: { signal: AbortSignal }) =>
      new Promise<never>((resolve, reject) => void requests.push({ signal, resolve, reject }));
    return { requests, fetchState };
  }

  test("a fetched state is handed to onState when the module says it is valid, then the held events", async () => {
    const { create, loaded } = page();
    const fetchState = vi.fn(async () => ({ state: { orders: 3 }, position: { epoch: "e", lastEventId: 8 } }));
    const wire = create({ fetchState });
    await loaded();
    const seen: unknown[] = [];
    wire.onState((...args) => seen.push(args));
    wire.on("order", ({ id }) => seen.push(id));
    FakeClient.last.host.fetchState(1, "initial", "e", 7);
    expect(fetchState).toHaveBeenCalledWith({ reason: "initial", epoch: "e", head: 7, signal: expect.any(AbortSignal) });
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(["stateFetched", 1, { epoch: "e", lastEventId: 8 }, undefined]);
    expect(seen).toEqual([]);
    FakeClient.last.host.applyState(1, "initial", "e", 8);
    FakeClient.last.deliver([9, "order"]);
    FakeClient.last.host.applyState(1, "initial", "e", 8);
    expect(seen).toEqual([[{ orders: 3 }, { reason: "initial", position: { epoch: "e", lastEventId: 8 } }], 9]);
  });

  test("a newer fetch aborts the older, whose result is dropped", async () => {
    const { create, loaded, onError } = page();
    const { requests, fetchState } = pending();
    create({ fetchState });
    await loaded();
    const { host } = FakeClient.last;
    host.fetchState(1, "initial", "e", 7);
    host.fetchState(2, "epoch_changed", "f", 9);
    expect(requests.map(({ signal }) => signal.aborted)).toEqual([true, false]);
    requests[0]!.reject(new Error("aborted"));
    requests[1]!.resolve({ state: "new" } as never);
    await flush();
    expect(FakeClient.last.calls.slice(1)).toEqual([["stateFetched", 2, undefined, undefined]]);
    expect(onError).not.toHaveBeenCalled();
  });

  test.each([
    ["a throw", () => { throw new Error("500"); }],
    ["nothing", () => undefined],
    ["no state", () => ({ position: { epoch: "e", lastEventId: 8 } })],
    ["half a position", () => ({ state: 1, position: { lastEventId: 8 } })],
    ["a position that is no integer", () => ({ state: 1, position: { epoch: "e", lastEventId: "8" } })],
  ])("%s is reported and fetched again by the module", async (_, fetchState) => {
    const { create, loaded, onError } = page();
    create({ fetchState: fetchState as never });
    await loaded();
    FakeClient.last.host.fetchState(3, "initial", "e", 7);
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(["stateFailed", 3]);
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: "fetch_state_failed" });
  });

  test("with a key the state goes to the module as JSON, for the other tabs", async () => {
    const { create, loaded } = page();
    const state = { orders: ["ü"] };
    create({ fetchState: () => ({ state }), stateKey: "orders" });
    await loaded();
    FakeClient.last.host.fetchState(1, "initial", "e", 7);
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(["stateFetched", 1, undefined, '{"orders":["ü"]}']);
  });

  const circle: unknown[] = [];
  circle.push(circle);
  test.each([
    ["goes in circles", circle],
    ["has a BigInt", 5n],
    ["is undefined", undefined],
    ["is a function", () => {}],
    ["is too large", "x".repeat(SHARED_STATE_CHARS_MAX - 1)],
  ])("a state that %s is not shared, and applied all the same", async (_, state) => {
    const { create, loaded, onError } = page();
    const wire = create({ fetchState: () => ({ state }), stateKey: "orders" });
    await loaded();
    const onState = vi.fn();
    wire.onState(onState);
    FakeClient.last.host.fetchState(1, "initial", "e", 7);
    await flush();
    expect(FakeClient.last.calls.at(-1)).toEqual(["stateFetched", 1, undefined, undefined]);
    FakeClient.last.host.applyState(1, "initial", "e", 7);
    expect(onState.mock.calls).toEqual([[state, { reason: "initial", position: { epoch: "e", lastEventId: 7 } }]]);
    expect(onError).not.toHaveBeenCalled();
  });

  test("a state of exactly the limit is shared", async () => {
    const { create, loaded } = page();
    create({ fetchState: () => ({ state: "x".repeat(SHARED_STATE_CHARS_MAX - 2) }), stateKey: "orders" });
    await loaded();
    FakeClient.last.host.fetchState(1, "initial", "e", 7);
    await flush();
    expect(FakeClient.last.calls.at(-1)![3]).toHaveLength(SHARED_STATE_CHARS_MAX);
  });

  test.each([[{ orders: 3 }], [null], [0]])("another tab's state is handed to onState without a fetch: %o", async (shared) => {
    const { create, loaded } = page();
    const fetchState = vi.fn();
    const wire = create({ fetchState, stateKey: "orders" });
    await loaded();
    const onState = vi.fn();
    wire.onState(onState);
    FakeClient.last.host.applyState(1, "initial", "e", 8, shared);
    expect(onState.mock.calls).toEqual([[shared, { reason: "initial", position: { epoch: "e", lastEventId: 8 } }]]);
    expect(fetchState).not.toHaveBeenCalled();
  });

  test("without fetchState a refresh calls onState with undefined", async () => {
    const { create, loaded } = page();
    const wire = create();
    await loaded();
    const onState = vi.fn();
    wire.onState(onState);
    FakeClient.last.host.refreshed("expired", "e", 12);
    expect(onState).toHaveBeenCalledWith(undefined, { reason: "expired", position: { epoch: "e", lastEventId: 12 } });
  });

  test("closing aborts the fetch", async () => {
    const { create, loaded } = page();
    const { requests, fetchState } = pending();
    const wire = create({ fetchState });
    await loaded();
    FakeClient.last.host.fetchState(1, "initial", "e", 7);
    wire.close();
    vi.advanceTimersByTime(LINGER_MS);
    expect(requests[0]!.signal.aborted).toBe(true);
  });
});

describe("what can go wrong with the module", () => {
  test("a call that traps releases the lock, says crashed and never calls the module again", async () => {
    const { create, loaded, onError, module } = page();
    const wire = create();
    const other = create({ user: "u_2" });
    await loaded();
    const [client, second] = FakeClient.made;
    const [release, releaseSecond] = [vi.fn(), vi.fn()];
    client!.host.holdsLock(release);
    second!.host.holdsLock(releaseSecond);
    client!.trap = new Error("unreachable");
    wire.reconnect();
    expect(release).toHaveBeenCalledOnce();
    expect(wire.getStatus()).toEqual({ state: "stopped", role: "none", reason: "crashed", modules: [] });
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: "crashed" });
    // The clients of one module share its memory.
    expect(releaseSecond).toHaveBeenCalledOnce();
    expect(other.getStatus().reason).toBe("crashed");
    wire.reconnect();
    wire.logout();
    wire.close();
    vi.advanceTimersByTime(LINGER_MS);
    expect(client!.log).toEqual(["start"]);
    expect(module.onCrash.size).toBe(0);
  });

  test("a lock that was given back in the ordinary way is not released again", async () => {
    const { create, loaded } = page();
    const wire = create();
    await loaded();
    const release = vi.fn();
    FakeClient.last.host.holdsLock(release);
    wire.close();
    vi.advanceTimersByTime(LINGER_MS);
    expect(release).not.toHaveBeenCalled();
  });

  test("after a crash a new client of the page is crashed too", async () => {
    const { create, loaded, module } = page();
    create();
    await loaded();
    for (const crashed of module.onCrash) crashed("unreachable");
    const again = create();
    await flush();
    expect(again.getStatus()).toMatchObject({ state: "stopped", reason: "crashed" });
    expect(FakeClient.made).toHaveLength(1);
  });

  test("a page that cannot run the client polls, as the README shows it, and sends elsewhere", async () => {
    vi.stubGlobal("WebSocket", undefined);
    const get = vi.fn(async () => ({ ok: true, json: async () => ({ state: { orders: 3 } }) }));
    const show = vi.fn();
    const wire = page().create();
    wire.subscribe(() => {
      if (wire.getStatus().reason === "unsupported") void poll();
    });
    async function poll() {
      const response = await get();
      if (response.ok) show((await response.json()).state);
      setTimeout(poll, 15_000);
    }
    await vi.advanceTimersByTimeAsync(40_000);
    expect(get).toHaveBeenCalledTimes(3);
    expect(show).toHaveBeenLastCalledWith({ orders: 3 });
    await expect(wire.send("order", {})).rejects.toMatchObject({ code: "unsupported", executed: "no" });
    wire.reconnect();
    expect(wire.getStatus().reason).toBe("unsupported");
  });

  test("a load that fails stops as unsupported and says why", async () => {
    const { create, failed, onError } = page();
    const wire = create();
    await failed(new TabwireError("wasm_blocked", "blocked"));
    expect(wire.getStatus()).toMatchObject({ state: "stopped", reason: "unsupported" });
    expect(onError.mock.calls[0]![0]).toMatchObject({ code: "wasm_blocked" });
  });

  test("closed before it is loaded, the module is never called", async () => {
    const { create, loaded } = page();
    create().close();
    vi.advanceTimersByTime(LINGER_MS);
    await loaded();
    expect(FakeClient.made).toHaveLength(0);
  });

  test("a logout before the module is loaded still reaches the other tabs", async () => {
    const { create, loaded } = page();
    const wire = create();
    wire.logout();
    await loaded();
    expect(FakeClient.last.log).toEqual(["start", "logout"]);
    expect(wire.getStatus().reason).toBe("logged_out");
  });
});

describe("debug log", () => {
  afterEach(() => {
    globalThis.tabwireDebug = undefined;
    localStorage.clear();
  });

  async function logging(options?: Partial<TabwireOptions>) {
    const said = vi.spyOn(console, "log").mockImplementation(() => {});
    const { create, loaded } = page();
    create(options);
    await loaded();
    return { log: (code: number) => FakeClient.last.host.log(code), said: () => said.mock.calls.flat() };
  }

  test("is silent unless asked for", async () => {
    const { log, said } = await logging();
    log(1);
    expect(said()).toEqual([]);
  });

  test("has the time, the tab and its role on each line", async () => {
    const { log, said } = await logging({ debug: true });
    vi.setSystemTime("2024-11-02T18:15:00.123Z");
    log(3);
    FakeClient.last.open();
    log(25);
    expect(said()).toEqual([
      "tabwire 18:15:00.123Z lead none: connecting",
      "tabwire 18:15:00.123Z lead leader: took the state from another tab",
    ]);
  });

  test("a line that this side has no words for is logged by its number", async () => {
    const { log, said } = await logging({ debug: true });
    log(99);
    expect(said()[0]).toMatch(/log 99$/);
  });

  test("is asked for by localStorage too", async () => {
    localStorage.setItem("tabwire:debug", "1");
    const { log, said } = await logging();
    log(1);
    expect(said()).toHaveLength(1);
  });

  test("is switched in a running page, which goes before the option and localStorage", async () => {
    localStorage.setItem("tabwire:debug", "1");
    const { log, said } = await logging({ debug: true });
    globalThis.tabwireDebug = false;
    log(1);
    expect(said()).toEqual([]);
    localStorage.clear();
    globalThis.tabwireDebug = true;
    log(1);
    expect(said()).toHaveLength(1);
    globalThis.tabwireDebug = undefined;
    log(1);
    expect(said()).toHaveLength(2); // the option
  });

  test("stays silent where reading localStorage throws", async () => {
    const { log, said } = await logging();
    vi.stubGlobal("localStorage", { getItem: () => { throw new DOMException("denied", "SecurityError"); } });
    log(1);
    vi.unstubAllGlobals();
    expect(said()).toEqual([]);
  });
});
