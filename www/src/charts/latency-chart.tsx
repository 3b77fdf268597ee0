import { useEffect, useRef } from "react";
import { latencies } from "../latency";
import { WINDOW_MS } from "../timeline";
import { FONT, keepChart, timeAxis } from "./canvas";
import { LATENCY_HEIGHT } from "./shapes";

/** A line that is always at the top would look like trouble. */
const TOP_MS_MIN = 20;

export function LatencyChart() {
  const element = useRef<HTMLDivElement>(null);

  useEffect(() => {
    return keepChart(element.current!, {
      height: LATENCY_HEIGHT,
      data: [[], [], []],
      options: (colours) => ({
        legend: { show: false },
        cursor: { show: false },
        padding: [6, 14, 0, 0],
        scales: {
          x: { time: false, range: [-WINDOW_MS / 1_000, 0] },
          y: { range: (_, __, max) => [0, Math.max(TOP_MS_MIN, (max ?? 0) * 1.1)] },
        },
        axes: [
          timeAxis(colours),
          {
            stroke: () => colours("--soft"),
            font: FONT,
            size: 68,
            gap: 8,
            space: 30,
            grid: { stroke: () => colours("--line"), width: 1 },
            ticks: { show: false },
            values: (_, splits) => splits.map((split) => `${split} ms`),
          },
        ],
        series: [
          {},
          { stroke: () => colours("--mark-received"), width: 1.5, spanGaps: true, points: { show: true, size: 4, fill: () => colours("--mark-received") } },
          { stroke: () => colours("--mark-repaired"), width: 0, paths: () => null, points: { show: true, size: 7, fill: () => colours("--mark-repaired") } },
        ],
      }),
      draw: (chart, now) => {
        const all = latencies();
        chart.setData([
          all.map(({ at }) => (at - now) / 1_000),
          all.map(({ ms, own }) => (own ? null : ms)),
          all.map(({ ms, own }) => (own ? ms : null)),
        ]);
      },
    });
  }, []);

  return <div ref={element} className="plot" style={{ height: LATENCY_HEIGHT }} />;
}
