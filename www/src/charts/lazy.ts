import { type ComponentType, createElement, lazy } from "react";

type Charts = typeof import("./index");

let loading: Promise<Charts> | undefined;

/** One import for all who ask: of a piece that has failed, WebKit hands out what never ran to whoever asks again. */
export function loadCharts(): Promise<Charts> {
  loading ??= import("./index");
  return loading;
}

/** A chart, or a word in its place when it cannot come for want of a network. */
export function chart<Props extends object>(name: keyof Charts) {
  const load = async (): Promise<{ default: ComponentType<Props> }> => {
    try {
      const charts = await loadCharts();
      return { default: charts[name] as unknown as ComponentType<Props> };
    } catch {
      return { default: Missing };
    }
  };
  return lazy(load);
}

function Missing() {
  return createElement("p", { className: "empty" }, "The chart could not be loaded. What it shows stands here in numbers.");
}
