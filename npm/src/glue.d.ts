// Made by the build: `scripts/build.mjs` resolves these two names, the tests alias them to fakes.

declare module "tabwire:glue" {
  export const Client: import("./wasm.js").WasmClientConstructor;
  /** Makes the module of its bytes. Added by the build, as `onCrash` is. */
  export function instantiate(bytes: BufferSource): Promise<void>;
  /** Called once, with what was thrown, when a call into the module trapped. Nothing reaches the module after that. */
  export function onCrash(tell: (cause: unknown) => void): void;
  /** wasm-bindgen's loader. */
  export default function init(input: { module_or_path: import("./slim.js").WasmSource }): Promise<unknown>;
}

declare module "tabwire:embedded" {
  /** The module, deflated without a header, as base64. */
  const base64: string;
  export default base64;
}
