/** The slim entry: the module is a file that the app serves. Importing it runs nothing. */

import { type CreateTabwire, createWith } from "./create.js";
import { loadSlim } from "./load-slim.js";

export * from "./public.js";
export { init, type WasmSource } from "./load-slim.js";

/**
 * Joins the tabs of `url` and `user`, after `init`. On a server it returns a client that stays `idle`.
 * @function
 */
export const createTabwire: CreateTabwire = (options) => createWith(loadSlim, options);
