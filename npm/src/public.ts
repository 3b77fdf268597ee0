/** What every entry with `createTabwire` exports beside it. */

export * from "./errors.js";
export type * from "./types.js";
