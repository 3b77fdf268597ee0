// @vitest-environment node
import { build } from "esbuild";
import { fileURLToPath } from "node:url";
import { expect, expectTypeOf, test, vi } from "vitest";
import { createWith } from "../src/create.js";
import { createFakeTabwire, type FakeTabwire } from "../src/testing.js";
import type { Tabwire } from "../src/types.js";
import { fakeModule } from "./fake-client.js";

type Events = { order_created: { orderId: string }; chat_message: { text: string } };
type Commands = { chat_message: { text: string } };

test("the fake has every method of the real client", () => {
  const real = createWith<Events, Commands, unknown>(fakeModule().load, { url: "/ws", user: "u_1", getToken: () => "t" });
  const methods = Object.entries(real).flatMap(([name, value]) => (typeof value === "function" && name !== "report" ? [name] : []));
  expect(Object.keys(createFakeTabwire())).toEqual(expect.arrayContaining(methods));
  expectTypeOf<FakeTabwire<Events, Commands, unknown>>().toExtend<Tabwire<Events, Commands, unknown>>();
});

test("emit goes to onBatch first, then to on, with what an event has filled in", () => {
  const wire = createFakeTabwire<Events, Commands>();
  const seen: unknown[] = [];
  wire.on("order_created", ({ id, payload, by }) => seen.push([id, payload.orderId, by]));
  wire.onBatch((events) => seen.push(events.length));
  wire.emit("order_created", { orderId: "a" });
  wire.emit("order_created", { orderId: "b" }, { id: 9, by: "u_2" });
  expect(seen).toEqual([1, [1, "a", undefined], 1, [9, "b", "u_2"]]);
  expect(wire.cursor()).toEqual({ epoch: "test", view: "test", lastEventId: 9 });
  // @ts-expect-error: the wrong payload
  wire.emit("order_created", { text: "hola" });
});

test("refresh goes to onState and moves the cursor", () => {
  const wire = createFakeTabwire<Events, Commands, string[]>();
  const onState = vi.fn();
  wire.onState(onState);
  wire.refresh(["a"], { reason: "expired", position: { epoch: "f", lastEventId: 7 } });
  expect(onState).toHaveBeenCalledExactlyOnceWith(["a"], { reason: "expired", position: { epoch: "f", lastEventId: 7 } });
  expect(wire.emit("chat_message", { text: "hola" }).id).toBe(8);
});

test("setStatus tells subscribers when something changed, with a new frozen snapshot", () => {
  const wire = createFakeTabwire();
  const listener = vi.fn();
  wire.subscribe(listener);
  const before = wire.getStatus();
  wire.setStatus({ state: "open" });
  expect(wire.getStatus()).toBe(before);
  wire.setStatus({ state: "stopped", reason: "replaced" });
  expect(wire.getStatus()).toMatchObject({ state: "stopped", reason: "replaced", userId: "u_test" });
  wire.reconnect();
  expect(wire.getStatus()).toEqual(before);
  expect(listener).toHaveBeenCalledTimes(2);
});

test("a handler that throws fails the test, after the others have run, unless there is an onError", () => {
  const onError = vi.fn();
  const [strict, told] = [createFakeTabwire<Events>(), createFakeTabwire<Events>({ onError })];
  const other = vi.fn();
  for (const wire of [strict, told]) {
    wire.on("chat_message", () => {
      throw new Error("bad");
    });
    wire.on("chat_message", other);
  }
  expect(() => strict.emit("chat_message", { text: "hola" })).toThrow(expect.objectContaining({ code: "handler_failed" }));
  told.emit("chat_message", { text: "hola" });
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "handler_failed" }));
  expect(other).toHaveBeenCalledTimes(2);
});

test("a closed fake delivers nothing and refuses commands", async () => {
  const wire = createFakeTabwire<Events, Commands>();
  const handler = vi.fn();
  wire.on("chat_message", handler);
  wire.close();
  wire.emit("chat_message", { text: "hola" });
  await expect(wire.send("chat_message", { text: "hola" })).rejects.toMatchObject({ code: "closed", executed: "no" });
  expect(handler).not.toHaveBeenCalled();
  expect(wire.sent).toEqual([]);
});

test("the entry does not bring the module", async () => {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL("../src/testing.ts", import.meta.url))],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    external: ["tabwire:*"],
  });
  const inputs = Object.keys(metafile.inputs).map((path) => path.split("/").at(-1));
  expect(inputs).not.toContain("load.ts");
  expect(inputs).not.toContain("page-client.ts");
});
