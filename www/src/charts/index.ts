/** All that draws, in one piece that comes when the page stands already. */

export { LatencyChart } from "./latency-chart";
export { TimelineChart } from "./timeline-chart";
