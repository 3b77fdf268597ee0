import { expect, test, vi } from "vitest";

/** Exports one function that traps. */
const TRAPS = Uint8Array.from([
  ...[0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  ...[1, 4, 1, 0x60, 0, 0], // types: () -> ()
  ...[3, 2, 1, 0], // functions
  ...[7, 8, 1, 4, 0x74, 0x72, 0x61, 0x70, 0, 0], // exports: "trap"
  ...[10, 5, 1, 3, 0, 0, 0x0b], // code: unreachable
]);
const GLUE = `
let wasm;
function __wbg_get_imports() { return {}; }
function __wbg_finalize_init(instance, module) { wasm = instance.exports; }
export function call() { return wasm.trap(); }`;

test("a trap is told once, thrown at the caller, and nothing calls the module after it", async () => {
  const script = "../scripts/shorten.mjs";
  const { shorten } = await import(script);
  const { wasm, glue } = await shorten(Buffer.from(TRAPS), GLUE);
  const loader = await import(`data:text/javascript,${encodeURIComponent(glue)}`);
  const tell = vi.fn();
  await loader.instantiate(wasm);
  loader.onCrash(tell);
  expect(loader.call).toThrow(WebAssembly.RuntimeError);
  expect(tell).toHaveBeenCalledExactlyOnceWith(expect.any(WebAssembly.RuntimeError));
  expect(loader.call()).toBeUndefined();
  expect(tell).toHaveBeenCalledOnce();
});
