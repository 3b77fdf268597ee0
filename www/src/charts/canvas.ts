/** What the two charts share: how large they are, which colours they have, and when they are drawn. */

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

const calm = matchMedia("(prefers-reduced-motion: reduce)");
/** Milliseconds between two drawings; whoever wants little motion gets a still picture every second. */
const DRAW_MS = 40;
const DRAW_CALMLY_MS = 1_000;

export type Colours = (name: string) => string;

interface Chart {
  height: number;
  /** `colours` looks up custom properties, as they are in the theme at that moment. */
  options: (colours: Colours) => Omit<uPlot.Options, "width" | "height">;
  data: uPlot.AlignedData;
  draw: (chart: uPlot, now: number) => void;
}

/** Puts a chart into an element, and keeps it drawn, sized and coloured; returns what takes it out again. */
export function keepChart(element: HTMLElement, { height, options, data, draw }: Chart): () => void {
  // A custom property is a text; as a colour of an element it is the colour of the theme.
  const probe = element.appendChild(document.createElement("i"));
  const known = new Map<string, string>();
  const colours: Colours = (name) => {
    let colour = known.get(name);
    if (colour === undefined) {
      probe.style.color = `var(${name})`;
      colour = getComputedStyle(probe).color;
      known.set(name, colour);
    }
    return colour;
  };
  const chart = new uPlot({ ...options(colours), width: element.clientWidth || 300, height }, data, element);
  const sizes = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
  sizes.observe(element);
  const themes = new MutationObserver(() => known.clear());
  themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const forget = () => known.clear();
  dark.addEventListener("change", forget);

  let drawnAt = 0;
  let frame = requestAnimationFrame(function next() {
    frame = requestAnimationFrame(next);
    const now = Date.now();
    if (now - drawnAt < (calm.matches ? DRAW_CALMLY_MS : DRAW_MS)) return;
    drawnAt = now;
    draw(chart, now);
  });
  return () => {
    cancelAnimationFrame(frame);
    sizes.disconnect();
    themes.disconnect();
    dark.removeEventListener("change", forget);
    chart.destroy();
    probe.remove();
  };
}

/** Seconds until now, from left to right. */
export function timeAxis(colours: Colours): uPlot.Axis {
  return {
    stroke: () => colours("--soft"),
    font: FONT,
    size: 30,
    gap: 8,
    grid: { stroke: () => colours("--line"), width: 1 },
    ticks: { show: false },
    splits: () => [-30, -20, -10, 0],
    values: (_, splits) => splits.map((split) => (split === 0 ? "now" : `${split} s`)),
  };
}

export const FONT = "11px Inter, system-ui, sans-serif";
