/** The loaded module, and who is told when it traps. */

import { Client, onCrash } from "tabwire:glue";
import type { WasmModule } from "./wasm.js";

export function loaded(): WasmModule {
  const module: WasmModule = { Client, onCrash: new Set() };
  onCrash((cause) => {
    module.crashed = true;
    for (const crashed of module.onCrash) crashed(cause);
  });
  return module;
}
