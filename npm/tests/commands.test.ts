// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MAX_COMMANDS_BEFORE_LOAD } from "../src/commands.js";
import { createWith } from "../src/create.js";
import { FakeClient, fakeModule, flush, newPage } from "./fake-client.js";

type Commands = { chat: { text: string } | null };

function create() {
  const module = fakeModule();
  const wire = createWith<Record<string, unknown>, Commands, unknown>(module.load, { url: "/ws", user: "u_1", getToken: () => "t", onError: () => {} });
  return { wire, ...module };
}

beforeEach(() => {
  newPage();
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test("a command resolves with what the ack says", async () => {
  const { wire, loaded } = create();
  await loaded();
  const sent = wire.send("chat", { text: "hola" }, { timeoutMs: 5_000 });
  expect(FakeClient.last.calls.at(-1)).toEqual(["send", "chat", '{"text":"hola"}', 5_000]);
  FakeClient.last.host.settled("tab:1", undefined, undefined, undefined, { t: "ack", id: "tab:1", epoch: "e", eventId: 9, result: { ok: true } });
  await expect(sent).resolves.toEqual({ epoch: "e", eventId: 9, result: { ok: true } });
});

test("the id that the event will carry is told before the answer, and one that cannot be told stops nobody", async () => {
  const { wire, loaded } = create();
  const reported = vi.fn();
  vi.stubGlobal("reportError", reported);
  const ids: string[] = [];
  const unhappy = wire.send("chat", null, { onId: () => { throw new Error("no"); } });
  const waited = wire.send("chat", null, { onId: (id) => ids.push(id) });
  expect(ids).toEqual([]);
  await loaded();
  expect(ids).toEqual(["tab:2"]);
  const sent = wire.send("chat", null, { onId: (id) => ids.push(id) });
  expect(ids).toEqual(["tab:2", "tab:3"]);
  expect(reported).toHaveBeenCalledExactlyOnceWith(new Error("no"));
  for (const id of ["tab:1", ...ids]) FakeClient.last.host.settled(id, undefined, undefined, undefined, { t: "ack", id });
  await expect(Promise.all([unhappy, waited, sent])).resolves.toEqual([{}, {}, {}]);
  vi.unstubAllGlobals();
});

test("a refused command says by its code why, and whether it was executed", async () => {
  const { wire, loaded } = create();
  await loaded();
  const sent = wire.send("chat", null);
  FakeClient.last.host.settled("tab:1", "forbidden", "no", "module chat", undefined);
  await expect(sent).rejects.toMatchObject({
    name: "TabwireError",
    code: "forbidden",
    executed: "no",
    message: "send(chat): forbidden, module chat",
  });
});

test("commands sent before the module is loaded wait and go first, in order, with what is left of their time", async () => {
  const { wire, loaded } = create();
  wire.send("chat", { text: "1" });
  vi.advanceTimersByTime(4_000);
  wire.send("chat", { text: "2" });
  await loaded();
  expect(FakeClient.last.calls).toEqual([
    ["start"],
    ["send", "chat", '{"text":"1"}', 6_000],
    ["send", "chat", '{"text":"2"}', 10_000],
  ]);
});

test("a command whose time is over before the module is loaded is not sent", async () => {
  const { wire, loaded } = create();
  const sent = wire.send("chat", null, { timeoutMs: 100 });
  vi.advanceTimersByTime(100);
  await loaded();
  await expect(sent).rejects.toMatchObject({ code: "timeout", executed: "no" });
  expect(FakeClient.last.log).toEqual(["start"]);
});

test("no more commands wait for the module than the limit", async () => {
  const { wire, loaded } = create();
  for (let n = 0; n < MAX_COMMANDS_BEFORE_LOAD; n++) wire.send("chat", null).catch(() => {});
  await expect(wire.send("chat", null)).rejects.toMatchObject({ code: "queue_full", executed: "no" });
  await loaded();
  expect(FakeClient.last.log.filter((name) => name === "send")).toHaveLength(MAX_COMMANDS_BEFORE_LOAD);
});

test.each([
  ["a payload that is not JSON", { text: 1n }, undefined],
  ["no payload", undefined, undefined],
  ["no time", null, 0],
  ["too much time", null, 300_001],
  ["a time that is no number", null, Number.NaN],
])("%s is refused by the promise", async (_, payload, timeoutMs) => {
  const { wire, loaded } = create();
  await loaded();
  const sent = wire.send("chat", payload as never, timeoutMs === undefined ? undefined : { timeoutMs });
  await expect(sent).rejects.toMatchObject({ code: "bad_argument", executed: "no" });
  expect(FakeClient.last.log).toEqual(["start"]);
});

test("an empty type is refused by the promise", async () => {
  const { wire } = create();
  await expect(wire.send("" as "chat", null)).rejects.toMatchObject({ code: "bad_argument" });
});

test("what the closed client has not settled is rejected", async () => {
  const { wire, loaded } = create();
  await loaded();
  const sent = wire.send("chat", null);
  wire.close();
  await expect(wire.send("chat", null)).rejects.toMatchObject({ code: "closed", executed: "no" });
  const rejected = expect(sent).rejects.toMatchObject({ code: "closed", executed: "unknown" });
  vi.advanceTimersByTime(1_000);
  await rejected;
});

test("after a trap pending commands are rejected as crashed, and later ones too", async () => {
  const { wire, loaded, module } = create();
  await loaded();
  const sent = wire.send("chat", null);
  for (const crashed of module.onCrash) crashed("unreachable");
  await expect(sent).rejects.toMatchObject({ code: "crashed", executed: "unknown" });
  await expect(wire.send("chat", null)).rejects.toMatchObject({ code: "crashed", executed: "no" });
  await flush();
});
