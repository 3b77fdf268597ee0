/** Why a module could not be loaded, in words that say what to change. */

import { TabwireError } from "./errors.js";

/** `remedy`: what to do when the module itself is not to be had. */
export function loadError(cause: unknown, remedy: string): TabwireError {
  const text = `${cause}`;
  const error = (code: TabwireError["code"], message: string) => new TabwireError(code, message, { cause });
  if (typeof WebAssembly === "undefined") return error("no_webassembly", "This browser has no WebAssembly: poll instead");
  // Chromium and Safari name the directive, Firefox says "blocked by CSP".
  if (/unsafe-eval|blocked by CSP/.test(text)) {
    return error("wasm_blocked", "WebAssembly is blocked: add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy");
  }
  return error("wasm_failed", `The WebAssembly module could not be loaded, ${remedy}: ${text}`);
}
