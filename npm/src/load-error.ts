/** Why a module could not be loaded, in words that say what to change. */

import { TabwireError } from "./errors.js";

export function loadError(cause: unknown): TabwireError {
  // Chromium and Safari name the directive, Firefox says "blocked by CSP".
  if (/unsafe-eval|CSP|Content Security Policy/i.test(`${cause}`)) {
    const remedy = "add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy";
    return new TabwireError("wasm_blocked", `WebAssembly is blocked: ${remedy}`, { cause });
  }
  return new TabwireError("unsupported", `The WebAssembly module could not be loaded: ${cause}`, { cause });
}
