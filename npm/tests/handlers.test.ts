// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { createWith } from "../src/create.js";
import type { TabwireOptions } from "../src/types.js";
import { FakeClient, fakeModule, flush, newPage } from "./fake-client.js";

type Events = { order: { n: number }; chat: { text: string } };

async function open(options: Partial<TabwireOptions> = {}) {
  const { load, loaded } = fakeModule();
  const onError = vi.fn();
  const wire = createWith<Events, Events, unknown>(load, { url: "/ws", user: "u_1", getToken: () => "t", onError, ...options });
  await loaded();
  return { wire, client: FakeClient.last, onError };
}

beforeEach(newPage);

test("a batch goes to onBatch once, then event by event to the handlers of its type, in order of registration", async () => {
  const { wire, client } = await open();
  const seen: string[] = [];
  wire.on("order", (event) => seen.push(`first ${event.id}`));
  wire.on("chat", (event) => seen.push(`chat ${event.id}`));
  wire.on("order", (event) => seen.push(`second ${event.id}`));
  wire.onBatch((events) => seen.push(`batch ${events.map((event) => event.id)}`));
  client.deliver([1, "order"], [2, "chat"], [3, "order"]);
  expect(seen).toEqual(["batch 1,2,3", "first 1", "second 1", "chat 2", "first 3", "second 3"]);
});

test("a handler that throws is reported and the others run", async () => {
  const { wire, client, onError } = await open();
  const boom = new Error("boom");
  const second = vi.fn();
  wire.on("order", () => {
    throw boom;
  });
  wire.on("order", second);
  client.deliver([1, "order"], [2, "order"]);
  expect(second).toHaveBeenCalledTimes(2);
  expect(onError).toHaveBeenCalledTimes(2);
  expect(onError.mock.calls[0]![0]).toMatchObject({ code: "handler_failed", cause: boom, message: "A handler of on order failed: Error: boom" });
});

test("a promise is not awaited, and reported when it rejects", async () => {
  const { wire, client, onError } = await open();
  const seen: string[] = [];
  wire.on("order", async (event) => {
    await Promise.resolve();
    seen.push(`late ${event.id}`);
    throw new Error("late");
  });
  wire.on("order", (event) => seen.push(`now ${event.id}`));
  client.deliver([1, "order"]);
  expect(seen).toEqual(["now 1"]);
  await flush();
  expect(seen).toEqual(["now 1", "late 1"]);
  expect(onError).toHaveBeenCalledOnce();
});

test("a handler removed by another is not called any more, one added is called from the next event on", async () => {
  const { wire, client } = await open();
  const seen: string[] = [];
  wire.on("order", (event) => {
    seen.push(`a ${event.id}`);
    if (event.id !== 1) return;
    offB();
    wire.on("order", (event) => seen.push(`c ${event.id}`));
  });
  const offB = wire.on("order", (event) => seen.push(`b ${event.id}`));
  client.deliver([1, "order"], [2, "order"]);
  expect(seen).toEqual(["a 1", "a 2", "c 2"]);
});

test("the same function may be registered twice and removed once", async () => {
  const { wire, client } = await open();
  const handler = vi.fn();
  const off = wire.on("order", handler);
  wire.on("order", handler);
  off();
  off();
  client.deliver([1, "order"]);
  expect(handler).toHaveBeenCalledOnce();
});

test("an onError that throws disturbs nothing", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const { wire, client } = await open({
    onError: () => {
      throw new Error("worse");
    },
  });
  const second = vi.fn();
  wire.on("order", () => {
    throw new Error("bad");
  });
  wire.on("order", second);
  client.deliver([1, "order"]);
  expect(second).toHaveBeenCalledOnce();
  expect(logged).toHaveBeenCalledOnce();
});

test("without onError errors go to the console", async () => {
  const logged = vi.spyOn(console, "error").mockImplementation(() => {});
  const { load, loaded } = fakeModule();
  const wire = createWith<Events, Events, unknown>(load, { url: "/ws", user: "u_1", getToken: () => "t" });
  await loaded();
  wire.on("order", () => {
    throw new Error("bad");
  });
  FakeClient.last.deliver([1, "order"]);
  expect(logged).toHaveBeenCalledOnce();
});

test("a handler may send", async () => {
  const { wire, client } = await open();
  client.answersAtOnce = true;
  const results: unknown[] = [];
  wire.on("order", () => void wire.send("chat", { text: "seen" }).then((result) => results.push(result)));
  client.deliver([1, "order"]);
  await flush();
  expect(results).toEqual([{ eventId: 7, epoch: "e" }]);
});

test("something that is no function is refused at once", async () => {
  const { wire } = await open();
  expect(() => wire.on("order", undefined as never)).toThrow(expect.objectContaining({ code: "bad_argument" }));
});
