// @vitest-environment happy-dom
import { beforeEach, expect, test, vi } from "vitest";
import { newPage } from "./fake-client.js";

const basics = { url: "/ws", user: "u_1", getToken: () => "t" };

beforeEach(() => {
  vi.resetModules();
  newPage();
});

async function fresh<Entry>(entry: Promise<Entry>) {
  const { glue } = await import("./fake-glue.js");
  const { FakeClient } = await import("./fake-client.js");
  return { ...(await entry), glue, made: FakeClient.made };
}

test("the embedded module is inflated and loaded once for all clients", async () => {
  const { createTabwire, glue, made } = await fresh(import("../src/index.js"));
  expect(glue.sources).toEqual([]);
  createTabwire(basics);
  createTabwire({ ...basics, user: "u_2" });
  await vi.waitFor(() => expect(made).toHaveLength(2));
  expect(glue.sources.map((bytes) => new TextDecoder().decode(bytes as ArrayBuffer))).toEqual(["the module"]);
});

test.each([
  "CompileError: WebAssembly.instantiate(): Refused to compile or instantiate WebAssembly module because 'unsafe-eval' is not an allowed source of script in the following Content Security Policy directive",
  "CompileError: call to WebAssembly.instantiate() blocked by CSP",
])("a policy that forbids WebAssembly is named with the remedy: %s", async (message) => {
  const { createTabwire, glue } = await fresh(import("../src/index.js"));
  glue.failure = new Error(message);
  const onError = vi.fn();
  const wire = createTabwire({ ...basics, onError });
  await vi.waitFor(() => expect(wire.getStatus()).toMatchObject({ state: "stopped", reason: "unsupported" }));
  expect(onError.mock.calls[0]![0]).toMatchObject({ code: "wasm_blocked", message: expect.stringContaining("'wasm-unsafe-eval'") });
});

test("a trap in a call that the browser made crashes every client, and those that come later", async () => {
  const { createTabwire, glue, made } = await fresh(import("../src/index.js"));
  const onError = vi.fn();
  const wire = createTabwire({ ...basics, onError });
  await vi.waitFor(() => expect(made).toHaveLength(1));
  glue.crash(new Error("unreachable"));
  expect(wire.getStatus()).toMatchObject({ state: "stopped", reason: "crashed" });
  expect(onError.mock.calls[0]![0]).toMatchObject({ code: "crashed", message: expect.stringContaining("unreachable") });
  const later = createTabwire({ ...basics, user: "u_2", onError: () => {} });
  await vi.waitFor(() => expect(later.getStatus()).toMatchObject({ state: "stopped", reason: "crashed" }));
  expect(made).toHaveLength(1);
});

test("an address that connect-src does not allow is not taken for a page that forbids WebAssembly", async () => {
  const { init, glue } = await fresh(import("../src/slim.js"));
  glue.failure = new TypeError("Failed to fetch. Refused to connect because it violates the document's Content Security Policy.");
  await expect(init("https://cdn.example/tabwire.wasm")).rejects.toMatchObject({ code: "wasm_failed" });
});

test("slim in a browser without WebAssembly says so", async () => {
  const { init, glue } = await fresh(import("../src/slim.js"));
  vi.stubGlobal("WebAssembly", undefined);
  glue.failure = new ReferenceError("WebAssembly is not defined");
  await expect(init("/tabwire.wasm")).rejects.toMatchObject({ code: "no_webassembly" });
  vi.unstubAllGlobals();
});

test("slim without init throws at once and says what to call", async () => {
  const { createTabwire } = await fresh(import("../src/slim.js"));
  expect(() => createTabwire(basics)).toThrow(
    expect.objectContaining({ code: "not_initialized", message: expect.stringContaining("await init") }),
  );
});

test("slim loads what init was given, once", async () => {
  const { createTabwire, init, glue, made } = await fresh(import("../src/slim.js"));
  await init("/tabwire.wasm");
  await init("/other.wasm");
  createTabwire(basics);
  await vi.waitFor(() => expect(made).toHaveLength(1));
  expect(glue.sources).toEqual(["/tabwire.wasm"]);
});

test("an init that failed may be tried again", async () => {
  const { init, glue } = await fresh(import("../src/slim.js"));
  glue.failure = new Error("404");
  await expect(init("/wrong.wasm")).rejects.toMatchObject({
    code: "wasm_failed",
    message: "The WebAssembly module could not be loaded, see that init was given this version's tabwire.wasm: Error: 404",
    cause: glue.failure,
  });
  glue.failure = undefined;
  await init("/tabwire.wasm");
  expect(glue.sources).toEqual(["/wrong.wasm", "/tabwire.wasm"]);
});
