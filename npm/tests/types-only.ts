/** An app's file that knows tabwire by its types alone: bundled, nothing of the package may be left. See .size-limit.mjs. */

import type { Tabwire, TabwireOptions, TabwireStatus } from "../src/index.js";

export const isOpen = (status: TabwireStatus): boolean => status.state === "open";
export const userOf = (options: TabwireOptions): string => options.user;
export const stop = (wire: Tabwire): void => wire.close();
