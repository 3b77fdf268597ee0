import type { ReactNode } from "react";
import type { TabwireStatus } from "tabwire";
import { useTabwire, useTabwireStatus } from "tabwire/react";
import type { Session } from "../api";
import { useLasting, useNow } from "../hooks";
import { useNetwork } from "../network";
import { userName } from "../session";
import { useShop } from "../shop";
import { useShown } from "../shown";
import { useTabs } from "../tabs";

/** A new leader connects within some milliseconds: that is no news. */
const NEWS_MS = 400;

const SAYS = {
  idle: "Starting",
  connecting: "Connecting",
  open: "Live",
  reconnecting: "Offline",
  refreshing: "Loading",
  stopped: "Stopped",
};

/** How this tab stands, in a line that is always there. */
export function Situation({ session }: { session: Session }) {
  const wire = useTabwire();
  const status = useTabwireStatus();
  const left = useTabs((tabs) => tabs.left);
  const cut = useNetwork((network) => network.cutUntil > 0);
  const loaded = useShown(useShop, (shop) => shop.loaded);
  const at = useShown(useShop, (shop) => shop.tabwire?.lastEventId);
  const waits = status.state === "connecting" || status.state === "idle" || status.state === "reconnecting";
  // A tab that is opened without a network has never been connected: it is offline all the same.
  const offline = useLasting(waits, NEWS_MS) && (status.state === "reconnecting" || loaded || cut);
  const look = status.state === "stopped" ? "stopped" : offline ? "offline" : status.state === "open" ? "open" : "busy";

  return (
    <section className={`situation ${look}`} aria-label="Connection" data-testid="situation" data-look={look}>
      <p className="pill" role="status">
        <span className="dot" aria-hidden="true" />
        <span data-testid="state" data-state={status.state} data-reason={status.reason}>
          {offline ? "Offline" : SAYS[status.state]}
          {status.reason ? `: ${status.reason.replaceAll("_", " ")}` : ""}
        </span>
      </p>
      <p className="says" aria-live="polite" data-testid="says">
        {says(status, { session, offline, left, loaded, at })}
      </p>
      <Countdown retryAt={status.retryAt} />
      {left ? (
        <button type="button" className="small" onClick={() => location.reload()} data-testid="rejoin">
          Join again
        </button>
      ) : (
        status.state === "stopped" &&
        status.reason !== "unsupported" && (
          <button type="button" className="small" onClick={wire.reconnect} data-testid="reconnect">
            {status.reason === "replaced" ? "Take it back" : "Connect again"}
          </button>
        )
      )}
    </section>
  );
}

interface Seen {
  session: Session;
  offline: boolean;
  left: boolean;
  loaded: boolean;
  at: number | undefined;
}

function says({ state, reason }: TabwireStatus, { session, offline, left, loaded, at }: Seen): ReactNode {
  if (left) {
    return <span data-testid="left">A page may not close a tab that a person opened, so this one left its group instead: look at the others.</span>;
  }
  if (reason === "replaced") return `Another device of ${userName(session.userId)} has the socket now. These tabs stand still until you take it back.`;
  if (reason === "unsupported") return "This browser cannot run the client, without WebAssembly or WebSocket: the orders are fetched every few seconds.";
  if (state === "stopped") return "This tab gets no more events.";
  if (offline && loaded) return `You see the shop as of event #${at ?? 0}. What you do now waits, and is sent when the network is back.`;
  if (offline) return "There is nothing to show yet. The shop appears when the network is back.";
  if (state === "open") return "Every event reaches every tab once, in order.";
  if (state === "refreshing") return "Fetching the state of the shop.";
  return "One moment.";
}

function Countdown({ retryAt }: { retryAt: number | undefined }) {
  const cutUntil = useNetwork((state) => state.cutUntil);
  const now = useNow(retryAt || cutUntil ? 250 : undefined);
  const seconds = (until: number) => Math.max(0, Math.ceil((until - now) / 1_000));
  // Not announced: a screen reader would read out every second.
  return (
    <p className="countdown" aria-hidden="true">
      {retryAt !== undefined && <span data-testid="retry">next try in {seconds(retryAt)} s</span>}
      {cutUntil > now && <span data-testid="network-cut">cut for {seconds(cutUntil)} s</span>}
    </p>
  );
}
