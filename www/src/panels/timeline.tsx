import { Suspense } from "react";
import { chart } from "../charts/lazy";
import type { TimelineProps } from "../charts/timeline-chart";
import { SHAPES, TIMELINE_HEIGHT } from "../charts/shapes";
import { useNow } from "../hooks";
import { useShownSlowly } from "../shown";
import { OWN_ID, useTabs } from "../tabs";
import { countsOf, KINDS, type MarkKind } from "../timeline";

// The library comes when the page stands already.
const TimelineChart = chart<TimelineProps>("TimelineChart");

const RENEW_MS = 1_000;
const kinds = Object.entries(KINDS) as [MarkKind, string][];

/** What each tab was given, a row per tab. */
export function Timeline() {
  const tabs = useShownSlowly(useTabs, (state) => state.tabs);
  const now = useNow(RENEW_MS);
  const rows = tabs.map(({ id }) => id);
  const counts = rows.map((id) => countsOf(id, now));

  return (
    <section className="panel timeline" aria-labelledby="timeline-title">
      <h2 id="timeline-title">
        Events by tab <span className="soft">the last 30 s</span>
      </h2>
      <div role="img" aria-label="What each tab was given in the last 30 seconds, drawn as marks on a row per tab. The same stands in the table below.">
        <Suspense fallback={<div className="plot" style={{ height: TIMELINE_HEIGHT }} />}>
          <TimelineChart rows={rows} leader={tabs.find(({ role }) => role === "leader" || role === "solo")?.id} />
        </Suspense>
      </div>
      <ul className="legend" aria-label="Marks">
        {kinds.map(([kind, text]) => (
          <li key={kind}>
            <Shape kind={kind} />
            {text}
          </li>
        ))}
      </ul>
      <details>
        <summary>In numbers</summary>
        <div className="scroll" tabIndex={0} role="group" aria-label="The timeline as a table">
          <table data-testid="timeline-table">
            <thead>
              <tr>
                <th scope="col">tab</th>
                {kinds.map(([kind, text]) => (
                  <th key={kind} scope="col">
                    {text}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((id, row) => (
                <tr key={id} data-tab={id}>
                  <th scope="row">
                    {id}
                    {id === OWN_ID && ", this"}
                  </th>
                  {kinds.map(([kind]) => (
                    <td key={kind} data-kind={kind}>
                      {counts[row]?.[kind] ?? 0}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </section>
  );
}

function Shape({ kind }: { kind: MarkKind }) {
  const { path, filled } = SHAPES[kind];
  return (
    <svg className={`mark ${kind} ${filled ? "filled" : ""}`} viewBox="-9 -9 18 18" aria-hidden="true">
      <path d={path} />
    </svg>
  );
}
