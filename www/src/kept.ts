/**
 * Where the shop is kept between two visits: localStorage, the state and its cursor in one item, so that neither is ever there without
 * the other. Written some times a second at most: a burst of events must not be a burst of writes.
 */

import type { PersistStorage, StorageValue } from "zustand/middleware";
import type { Shop } from "./shop";

const WRITE_MS = 400;

type Kept = Pick<Shop, "orders" | "chat" | "tabwire">;

let due: { name: string; value: StorageValue<Kept> } | undefined;
let writing: ReturnType<typeof setTimeout> | undefined;

export const keptShops: PersistStorage<Kept> = {
  getItem(name) {
    try {
      return JSON.parse(localStorage.getItem(name) ?? "null") as StorageValue<Kept> | null;
    } catch {
      return null;
    }
  },

  setItem(name, value) {
    // Without a cursor there is no telling what it is the state of.
    if (!value.state.tabwire) return;
    due = { name, value };
    writing ??= setTimeout(write, WRITE_MS);
  },

  removeItem(name) {
    due = undefined;
    localStorage.removeItem(name);
  },
};

function write(): void {
  clearTimeout(writing);
  writing = undefined;
  if (!due) return;
  try {
    localStorage.setItem(due.name, JSON.stringify(due.value));
  } catch {
    // A full or blocked storage costs the next visit its head start, and this one nothing.
  }
  due = undefined;
}

/** The page may be gone before the timer. */
export function keepShopsWhenLeaving(): void {
  addEventListener("pagehide", write);
  addEventListener("visibilitychange", () => document.visibilityState === "hidden" && write());
}
