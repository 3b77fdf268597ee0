// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createWith } from "../src/create.js";
import { FakeClient, fakeModule, newPage } from "./fake-client.js";

beforeEach(() => {
  localStorage.clear();
  vi.stubGlobal("navigator", { locks: lockManager() });
});
afterEach(() => void vi.unstubAllGlobals());

/** One lock after another, as in browsers, or not at all when it must be free. */
function lockManager() {
  const last = new Map<string, Promise<unknown>>();
  const held = new Set<string>();
  return {
    async request(name: string, ...rest: unknown[]) {
      const run = rest.pop() as (lock: unknown) => unknown;
      if (rest.length > 0 && held.has(name)) return run(null);
      held.add(name);
      const turn = (last.get(name) ?? Promise.resolve()).then(() => run({ name }));
      const over: Promise<unknown> = turn.catch(() => {}).then(() => last.get(name) === over && held.delete(name));
      last.set(name, over);
      return turn;
    },
  };
}

/** Another tab: it shares the browser's storage and locks with the others, and nothing else. */
async function tab(role = "follower", user = "u_1") {
  newPage();
  const { load, loaded } = fakeModule();
  const onError = vi.fn();
  const wire = createWith(load, { url: "/ws", user, getToken: () => "t", onError });
  await loaded();
  FakeClient.last.host.status("open", role as "follower", undefined, undefined, user, "s_1", []);
  return { wire, onError };
}

test("of all tabs one does it, once per id and name", async () => {
  const tabs = [await tab("leader"), await tab(), await tab()];
  const play = vi.fn();
  const each = (name: string, id: number) => Promise.all(tabs.map(({ wire }) => wire.inOneTab(name, id, play)));
  expect((await each("sound", 1)).filter(Boolean)).toHaveLength(1);
  expect((await each("sound", 1)).filter(Boolean)).toHaveLength(0);
  await each("sound", 2);
  await each("notification", 1);
  expect(play).toHaveBeenCalledTimes(3);
});

test("a tab that does not see yet what another has stored does not do it too", async () => {
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => {} });
  const tabs = [await tab("leader"), await tab(), await tab()];
  const done = await Promise.all(tabs.map(({ wire }) => wire.inOneTab("sound", 1, () => {})));
  expect(done.filter(Boolean)).toHaveLength(1);
  expect(await tabs[1]!.wire.inOneTab("sound", 1, () => {})).toBe(false);
});

test("another user's tabs have a memory of their own", async () => {
  const [one, other] = [await tab(), await tab("leader", "u_2")];
  expect(await one.wire.inOneTab("sound", 1, () => {})).toBe(true);
  expect(await other.wire.inOneTab("sound", 1, () => {})).toBe(true);
});

test("the memory is bounded: at its end an id is new again", async () => {
  const { wire } = await tab();
  for (let id = 0; id <= 256; id++) await wire.inOneTab("sound", id, () => {});
  expect(JSON.parse(localStorage.getItem(localStorage.key(0)!)!)).toHaveLength(256);
  vi.stubGlobal("navigator", { locks: lockManager() }); // later: nothing is locked any more
  expect(await wire.inOneTab("sound", 1, () => {})).toBe(false);
  expect(await wire.inOneTab("sound", 0, () => {})).toBe(true);
  await expect(wire.inOneTab("sound", "x".repeat(256), () => {})).rejects.toMatchObject({ code: "bad_argument" });
});

test("without Web Locks the tab that owns the socket does it, without storage one of them", async () => {
  const [leader, follower, solo] = [await tab("leader"), await tab(), await tab("solo")];
  const each = () => Promise.all([leader, follower, solo].map(({ wire }) => wire.inOneTab("sound", 1, () => {})));
  vi.stubGlobal("navigator", {});
  expect(await each()).toEqual([true, false, true]);
  vi.stubGlobal("navigator", { locks: lockManager() });
  const full = () => {
    throw new DOMException("full", "QuotaExceededError");
  };
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: full });
  expect((await each()).filter(Boolean)).toHaveLength(1);
  expect((await each()).filter(Boolean)).toHaveLength(0);
});

test("what it throws is reported, and it counts as done", async () => {
  const { wire, onError } = await tab();
  const blocked = () => Promise.reject(new Error("no gesture"));
  expect(await wire.inOneTab("sound", 1, blocked)).toBe(true);
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "handler_failed" }));
  expect(await wire.inOneTab("sound", 1, blocked)).toBe(false);
});

test("a closed client does nothing", async () => {
  const { wire } = await tab("leader");
  wire.close();
  expect(await wire.inOneTab("sound", 1, () => {})).toBe(false);
});
