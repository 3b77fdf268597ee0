import { Suspense } from "react";
import { chart } from "../charts/lazy";
import { LATENCY_HEIGHT } from "../charts/shapes";
import { useNow } from "../hooks";
import { median } from "../latency";

const LatencyChart = chart("LatencyChart");

const RENEW_MS = 1_000;

export function Latency() {
  const now = useNow(RENEW_MS);
  const [published, own] = [median(false, now), median(true, now)];
  return (
    <section className="panel latency" aria-labelledby="latency-title">
      <h2 id="latency-title">
        Latency <span className="soft">medians of the last 30 s</span>
      </h2>
      <ul className="medians">
        <li className="published">
          publish to this tab <strong data-testid="latency-published">{inMs(published)}</strong>
        </li>
        <li className="sent">
          own command to its event <strong data-testid="latency-own">{inMs(own)}</strong>
        </li>
      </ul>
      <div role="img" aria-label="How long events took in the last 30 seconds, drawn. The medians stand above.">
        <Suspense fallback={<div className="plot" style={{ height: LATENCY_HEIGHT }} />}>
          <LatencyChart />
        </Suspense>
      </div>
    </section>
  );
}

function inMs(ms: number | undefined): string {
  return ms === undefined ? "none yet" : `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
