import { useTabwireStatus } from "tabwire/react";
import { useNow } from "../hooks";
import { useNetwork } from "../network";
import { OWN_ID, useTabs } from "../tabs";

const SAYS = {
  idle: "Starting",
  connecting: "Connecting",
  open: "Connected",
  reconnecting: "Reconnecting",
  refreshing: "Loading the state",
  stopped: "Stopped",
};

/** All tabs of the user in this browser, and how the one connection they share is. */
export function TabList() {
  const tabs = useTabs((state) => state.tabs);
  const status = useTabwireStatus();
  const sockets = tabs.filter(({ role, state }) => (role === "leader" || role === "solo") && (state === "open" || state === "refreshing"));

  return (
    <section className="panel" aria-labelledby="tabs-title">
      <h2 id="tabs-title">
        {tabs.length} {tabs.length === 1 ? "tab" : "tabs"}, {sockets.length} {sockets.length === 1 ? "WebSocket" : "WebSockets"}
      </h2>
      <div className="link">
        <p className={`state ${status.state}`} role="status">
          <span className="dot" aria-hidden="true" />
          <span data-testid="state" data-state={status.state} data-reason={status.reason}>
            {SAYS[status.state]}
            {status.reason ? `: ${status.reason.replaceAll("_", " ")}` : ""}
          </span>
        </p>
        <Countdown retryAt={status.retryAt} />
      </div>
      <ul className="tabs">
        {tabs.map((tab) => (
          <li key={tab.id} className={tab.role} data-testid="tab" data-tab={tab.id} data-role={tab.role}>
            <span className="name">{tab.id}</span>
            <span className="role">{tab.role === "none" ? tab.state : tab.role}</span>
            {tab.term !== undefined && (
              <span className="pill" title="Each leadership has a higher number than those before" data-testid="term">
                term {tab.term}
              </span>
            )}
            {tab.id === OWN_ID && <span className="own">this tab</span>}
            {tab.lastEventId !== undefined && <span className="at">#{tab.lastEventId}</span>}
          </li>
        ))}
      </ul>
      <p className="hint">The leader owns the socket and hands each event to the others. All tabs should show the same number.</p>
    </section>
  );
}

function Countdown({ retryAt }: { retryAt: number | undefined }) {
  const cutUntil = useNetwork((state) => state.cutUntil);
  const now = useNow(retryAt || cutUntil ? 250 : undefined);
  const seconds = (until: number) => Math.max(0, Math.ceil((until - now) / 1_000));
  // Not announced: a screen reader would read out every second.
  return (
    <p className="countdown" aria-hidden="true">
      {retryAt !== undefined && <span data-testid="retry">retry in {seconds(retryAt)} s</span>}
      {cutUntil > now && <span data-testid="network-cut">cut for {seconds(cutUntil)} s</span>}
    </p>
  );
}
