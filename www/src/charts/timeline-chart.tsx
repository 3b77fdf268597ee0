import { useEffect, useRef } from "react";
import { marksOf, WINDOW_MS } from "../timeline";
import { FONT, keepChart, timeAxis } from "./canvas";
import { SHAPES, TIMELINE_HEIGHT } from "./shapes";

/** A mark of many events is larger, but no larger than its row. */
const SCALE_MAX = 2;
const shapes = Object.fromEntries(Object.entries(SHAPES).map(([kind, { path }]) => [kind, new Path2D(path)]));

export interface TimelineProps {
  /** The tabs, from top to bottom. */
  rows: readonly string[];
  /** The one that leads, which gets a star. */
  leader: string | undefined;
}

export function TimelineChart({ rows, leader }: TimelineProps) {
  const element = useRef<HTMLDivElement>(null);
  const shown = useRef({ rows, leader });
  const changed = useRef(true);
  if (shown.current.rows.join() !== rows.join() || shown.current.leader !== leader) {
    shown.current = { rows, leader };
    changed.current = true;
  }

  useEffect(() => {
    const nameOf = (id: string) => (id && id === shown.current.leader ? `★ ${id}` : id);
    return keepChart(element.current!, {
      height: TIMELINE_HEIGHT,
      data: [[-WINDOW_MS / 1_000, 0], [0, 0]],
      options: (colours) => ({
        legend: { show: false },
        cursor: { show: false },
        padding: [6, 14, 0, 0],
        scales: {
          x: { time: false, range: [-WINDOW_MS / 1_000, 0] },
          y: { range: () => [0.5 - shown.current.rows.length, 0.5] },
        },
        axes: [
          timeAxis(colours),
          {
            stroke: () => colours("--text"),
            font: FONT,
            size: 68,
            gap: 8,
            grid: { stroke: () => colours("--line"), width: 1 },
            ticks: { show: false },
            splits: () => shown.current.rows.map((_, row) => -row),
            values: (_, splits) => splits.map((split) => nameOf(shown.current.rows[-split] ?? "")),
          },
        ],
        series: [{}, { show: false }],
        hooks: {
          draw: [
            (chart) => {
              const { ctx } = chart;
              const now = Date.now();
              const ratio = devicePixelRatio;
              const { left, top, width, height } = chart.bbox;
              ctx.save();
              ctx.beginPath();
              ctx.rect(left, top, width + 10 * ratio, height);
              ctx.clip();
              ctx.lineWidth = 1.5;
              shown.current.rows.forEach((id, row) => {
                const y = chart.valToPos(-row, "y", true);
                for (const { at, kind, count } of marksOf(id)) {
                  const x = chart.valToPos((at - now) / 1_000, "x", true);
                  if (x < left) continue;
                  const scale = ratio * Math.min(SCALE_MAX, 1 + Math.log10(count) / 2.5);
                  ctx.setTransform(scale, 0, 0, scale, x, y);
                  ctx.fillStyle = ctx.strokeStyle = colours(`--mark-${kind}`);
                  if (SHAPES[kind].filled) ctx.fill(shapes[kind]!);
                  else ctx.stroke(shapes[kind]!);
                }
              });
              ctx.restore();
            },
          ],
        },
      }),
      draw: (chart) => {
        if (changed.current) chart.setData(chart.data); // the scale of the rows is another one
        else chart.redraw(false, false);
        changed.current = false;
      },
    });
  }, []);

  return <div ref={element} className="plot" style={{ height: TIMELINE_HEIGHT }} />;
}
