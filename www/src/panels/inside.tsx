import { type ReactNode, useState } from "react";
import type { TabwireCounters, TabwireInspection } from "tabwire";
import { useTabwire, useTabwireStatus } from "tabwire/react";
import { useNow } from "../hooks";

const RENEW_MS = 500;

/** Why a tab leads, in words. */
const WHY: Record<NonNullable<TabwireInspection["why"]>, string> = {
  granted: "its turn for the lock came",
  stole: "it took the lock from a leader that hung",
  handed_over: "a hidden leader let it",
  elected: "elected: no Web Locks here",
  alone: "alone: no BroadcastChannel here",
};

const COUNTED: Record<keyof TabwireCounters, string> = {
  delivered: "events delivered",
  duplicates: "duplicates dropped",
  gaps: "gaps seen",
  foreign: "of other modules",
  ringRepairs: "repairs given",
  serverRepairs: "repairs asked for",
  refreshes: "refreshes",
  statesShared: "states from a tab",
  leads: "times led",
  connects: "connections",
  steals: "locks taken",
  abdications: "told to leave",
  takeOvers: "take-overs",
  stale: "stale, ignored",
};

/** What the client knows of itself: `cursor()` and `inspect()`. */
export function Inside() {
  const wire = useTabwire();
  const { role } = useTabwireStatus();
  useNow(RENEW_MS); // neither is part of the status: they change with every event
  const { tab, term, leader, why, beaconAgeMs, session, outbox, counters, cursor } = wire.inspect();

  return (
    <section className="panel inside" aria-labelledby="inside-title">
      <h2 id="inside-title">This tab from inside</h2>
      <details open>
        <summary>
          All of <code>wire.inspect()</code>
        </summary>
        <div className="sheets">
          <Facts title="Leadership">
            <Fact name="role" testid="inspect-role" value={role} />
            <Fact name="term" testid="inspect-term" value={term ?? "none"} />
            {why ? (
              <Fact name="why it leads" testid="inspect-why" value={WHY[why]} />
            ) : (
              <>
                <Fact name="leader" testid="inspect-leader" value={leader ? <code>{leader}</code> : "none"} />
                <Fact name="leader last heard" testid="inspect-beacon" value={beaconAgeMs === undefined ? "never" : `${(beaconAgeMs / 1_000).toFixed(1)} s ago`} />
              </>
            )}
            <Fact name="this tab" testid="inspect-tab" value={<code>{tab}</code>} />
          </Facts>
          <Facts title="Position">
            <Fact name="last event" testid="inspect-cursor" value={cursor ? `#${cursor.lastEventId}` : "none"} />
            <Fact name="epoch" value={cursor ? <code>{cursor.epoch}</code> : "none"} />
            <Fact name="view" value={cursor ? <code>{cursor.view}</code> : "none"} />
            <Fact name="commands waiting" value={outbox} />
          </Facts>
          <Facts title="Session, one for all tabs">
            <Fact name="user" testid="inspect-user" value={session?.userId ?? "none"} />
            <Fact name="modules" value={session?.modules.join(", ") || "none"} />
            <Fact name="the server pings" value={session ? `every ${session.pingMs / 1_000} s` : "no"} />
            <Fact name="grant" value={session?.claim ?? "none"} />
            <Fact name="device" testid="inspect-device" value={session ? <code>{session.device}</code> : "none"} />
          </Facts>
        </div>
        <h3>Counted since this page was loaded</h3>
        <ul className="tiles" data-testid="inspect-counters">
          {Object.entries(COUNTED).map(([name, label]) => {
            const count = counters[name as keyof TabwireCounters];
            return (
              <li key={name} className={count ? undefined : "zero"}>
                <strong data-testid={`inspect-${name}`}>{count}</strong> <span>{label}</span>
              </li>
            );
          })}
        </ul>
        <div className="foot">
          <DebugSwitch />
        </div>
      </details>
    </section>
  );
}

/** The same as typing `tabwireDebug = true` into the console. */
function DebugSwitch() {
  const [on, setOn] = useState(globalThis.tabwireDebug ?? false);
  const change = (wanted: boolean) => {
    globalThis.tabwireDebug = wanted;
    setOn(wanted);
  };
  return (
    <label className="switch">
      <input type="checkbox" checked={on} onChange={(event) => change(event.target.checked)} data-testid="debug" />
      Debug log in the console
    </label>
  );
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <div>
      <h3>{title}</h3>
      <dl>{children}</dl>
    </div>
  );
}

function Fact({ name, value, testid }: { name: string; value: ReactNode; testid?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testid}>{value}</dd>
    </div>
  );
}
