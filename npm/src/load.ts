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

/** A loop, and a response's stream: on a phone an iterator over the text and a blob's stream take longer than all that follows. */
async function inflate(base64: string): Promise<ArrayBuffer> {
  const text = atob(base64);
  const deflated = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) deflated[at] = text.charCodeAt(at);
  const stream = new Response(deflated).body!.pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}
