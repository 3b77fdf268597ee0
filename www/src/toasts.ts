/** Short messages over the page, that go by themselves. */

import { create } from "zustand";

export interface Toast {
  key: number;
  kind: "good" | "bad";
  text: string;
}

const SHOWN_MS = 9_000;
const SHOWN_MAX = 3;

export const useToasts = create<{ toasts: readonly Toast[] }>()(() => ({ toasts: [] }));

let keys = 0;

export function tell(kind: Toast["kind"], text: string): void {
  const key = ++keys;
  useToasts.setState(({ toasts }) => ({ toasts: [...toasts, { key, kind, text }].slice(-SHOWN_MAX) }));
  setTimeout(() => dismiss(key), SHOWN_MS);
}

export function dismiss(key: number): void {
  useToasts.setState(({ toasts }) => ({ toasts: toasts.filter((toast) => toast.key !== key) }));
}
