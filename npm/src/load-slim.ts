/** Loads the module from where the app says. */

import initGlue from "tabwire:glue";
import { TabwireError } from "./errors.js";
import { loadError } from "./load-error.js";
import { loaded } from "./loaded.js";
import type { Loader, WasmModule } from "./wasm.js";

/** An address, a response, the bytes, or a compiled module. */
export type WasmSource = string | URL | Request | Response | Promise<Response> | BufferSource | WebAssembly.Module;

let loading: Promise<WasmModule> | undefined;

/** Loads the module, once: later calls return the first one's promise, unless it failed. */
export async function init(source: WasmSource): Promise<void> {
  loading ??= initGlue({ module_or_path: source }).then(loaded, (cause) => {
    loading = undefined;
    throw loadError(cause, "see that init was given this version's tabwire.wasm");
  });
  await loading;
}

export const loadSlim: Loader = () => {
  if (loading) return loading;
  throw new TabwireError("not_initialized", 'tabwire/slim: call `await init(url)` before createTabwire, or import from "tabwire"');
};
