/** What the page knows of the charts before they come: the forms of their marks, and how high they are. */

import type { MarkKind } from "../timeline";

/** Paths around 0,0, drawn on the canvas and in the legend. They are told apart by their form, not by colour alone. */
export const SHAPES: Record<MarkKind, { path: string; filled: boolean }> = {
  received: { path: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z", filled: true },
  replayed: { path: "M-3 -3h6v6h-6Z", filled: true },
  duplicate: { path: "M-3 0a3 3 0 1 0 6 0a3 3 0 1 0-6 0Z", filled: false },
  gap: { path: "M-4 -4L4 4M4 -4L-4 4", filled: false },
  repaired: { path: "M0 -5L5 0L0 5L-5 0Z", filled: true },
  refresh: { path: "M-2 -8h4v16h-4Z", filled: true },
  leads: { path: "M0 -6L1.6 -2.2L5.7 -1.9L2.6 .8L3.5 4.9L0 2.7L-3.5 4.9L-2.6 .8L-5.7 -1.9L-1.6 -2.2Z", filled: true },
};

/** How high the charts are, in pixels: the page keeps their place until they come. */
export const TIMELINE_HEIGHT = 190;
export const LATENCY_HEIGHT = 110;
