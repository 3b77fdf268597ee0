/** Loads the embedded module, once per page and when first needed. */

import { instantiate } from "tabwire:glue";
import { loadError } from "./load-error.js";
import { loaded } from "./loaded.js";
import type { WasmModule } from "./wasm.js";

let loading: Promise<WasmModule> | undefined;

/** `embedded` is given by the entries: see scripts/build.mjs on where it stands. */
export function loadEmbedded(embedded: string): Promise<WasmModule> {
  loading ??= inflate(embedded)
    .then(instantiate)
    .then(loaded)
    .catch((cause) => {
      throw loadError(cause, "reload the page");
    });
  return loading;
}

async function inflate(base64: string): Promise<ArrayBuffer> {
  const deflated = Uint8Array.from(atob(base64), (char) => char.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}
