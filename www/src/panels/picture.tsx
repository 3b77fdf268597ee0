import { useTabwire, useTabwireStatus } from "tabwire/react";
import { useNow } from "../hooks";
import { Icon } from "../icons";
import { useLog } from "../log";
import { useShownSlowly } from "../shown";
import { OWN_ID, SILENT_MS, type Tab, useTabs } from "../tabs";

const RENEW_MS = 500;

/** All tabs of the user in this browser, the one connection they share, and how far they are. */
export function Picture() {
  const wire = useTabwire();
  const now = useNow(RENEW_MS);
  const tabs = useShownSlowly(useTabs, (state) => state.tabs);
  const { received, outOfOrder, missing } = useShownSlowly(useLog, (log) => log);
  const { state } = useTabwireStatus();
  const { cursor, outbox } = wire.inspect();

  const leads = ({ role }: Tab) => role === "leader" || role === "solo";
  const isSilent = (tab: Tab) => tab.id !== OWN_ID && now - tab.at > SILENT_MS;
  const leaders = tabs.filter(leads);
  const followers = tabs.filter((tab) => !leads(tab));
  const sockets = leaders.filter((tab) => (tab.state === "open" || tab.state === "refreshing") && !isSilent(tab)).length;
  const head = Math.max(0, ...tabs.filter((tab) => tab.epoch === cursor?.epoch).map((tab) => tab.lastEventId ?? 0));
  const last = cursor?.lastEventId ?? 0;
  const show = (tab: Tab) => <TabCard key={tab.id} tab={tab} silentMs={isSilent(tab) ? now - tab.at : 0} />;

  return (
    <section className="panel picture" aria-labelledby="picture-title">
      <h2 id="picture-title">
        <span data-testid="tab-count">
          {tabs.length} {tabs.length === 1 ? "tab" : "tabs"}, {sockets} {sockets === 1 ? "WebSocket" : "WebSockets"}
        </span>
      </h2>
      <div className="net" data-socket={sockets > 0 ? "open" : "closed"}>
        <ul className="tabs followers" aria-label="Tabs that follow">
          {followers.map(show)}
          {!followers.length && <li className="tab nobody">Open another tab: it will follow</li>}
        </ul>
        <div className="relay wires" aria-hidden="true">
          <i key={received} className={received ? "packet" : undefined} />
        </div>
        <ul className="tabs leading" aria-label="The tab that leads">
          {leaders.map(show)}
          {!leaders.length && <li className="tab nobody">Nobody leads</li>}
        </ul>
        <div className="socket wires">
          <span>{sockets > 0 ? "WebSocket" : "no socket"}</span>
          <i key={received} className={received ? "packet" : undefined} aria-hidden="true" />
        </div>
        <div className="server">
          <Icon name="server" />
          <span>server</span>
          <strong title="The end of the log, as far as a tab of this browser has heard" data-testid="head">
            #{Math.max(head, last)}
          </strong>
        </div>
      </div>
      <ul className="numbers" aria-label="How far this tab is">
        <Number name="cursor of this tab" testid="cursor" value={cursor ? `#${last}` : "none"} />
        <Number name="events received" testid="received" value={received} />
        <Number name="missing" testid="missing" value={missing} bad={missing > 0} />
        <Number name="twice or out of order" testid="out-of-order" value={outOfOrder} bad={outOfOrder > 0} />
        <Number name="commands waiting" testid="inspect-outbox" value={state === "stopped" ? 0 : outbox} />
        <Number name="epoch of the log" testid="epoch" value={cursor?.epoch ?? "unknown"} />
      </ul>
    </section>
  );
}

function TabCard({ tab, silentMs }: { tab: Tab; silentMs: number }) {
  const leads = tab.role === "leader" || tab.role === "solo";
  const trouble = tab.frozen ? "frozen" : silentMs ? `silent for ${Math.round(silentMs / 1_000)} s` : undefined;
  const own = tab.id === OWN_ID;
  return (
    <li
      className={`tab ${leads ? "leader" : ""} ${own ? "own" : ""} ${trouble ? "trouble" : ""}`}
      data-testid="tab"
      data-tab={tab.id}
      data-role={tab.role}
      data-trouble={tab.frozen ? "frozen" : silentMs ? "silent" : undefined}
    >
      <span className="name">
        {leads && <Icon name="crown" />}
        {tab.id}
      </span>
      <span className="at">{tab.lastEventId === undefined ? "" : `#${tab.lastEventId}`}</span>
      <span className="facts">
        {trouble ?? (tab.role === "none" ? tab.state : tab.role)}
        {tab.term !== undefined && (
          <span data-testid="term" title="Each leadership has a higher number than those before">
            {" "}
            · term {tab.term}
          </span>
        )}
        {!trouble && tab.state !== "open" && tab.role !== "none" && ` · ${tab.state}`}
        {own ? " · this tab" : tab.hidden && !trouble ? " · hidden" : ""}
      </span>
    </li>
  );
}

function Number({ name, testid, value, bad }: { name: string; testid: string; value: string | number; bad?: boolean }) {
  return (
    <li className={bad ? "bad" : undefined}>
      <strong data-testid={testid}>{value}</strong> <span>{name}</span>
    </li>
  );
}
