/** The default entry: `createTabwire` with the module embedded. Importing it runs nothing. */

import embedded from "tabwire:embedded";
import { type CreateTabwire, createWith } from "./create.js";
import { loadEmbedded } from "./load.js";

export * from "./public.js";

/**
 * Joins the tabs of `url` and `user`. On a server it returns a client that stays `idle`.
 * @function
 */
export const createTabwire: CreateTabwire = (options) => createWith(() => loadEmbedded(embedded), options);
