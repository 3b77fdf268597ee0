import { type ReactNode, useId } from "react";
import { useTabwire, useTabwireStatus } from "tabwire/react";
import { note } from "../log";
import { type PendingOrder, randomOrder, useShop } from "../shop";
import { closeLeader, cutAll, useTabs } from "../tabs";

const CUT_SECONDS = 8;

/** What to try, and what to watch for. */
export function Actions() {
  const wire = useTabwire();
  const { state, reason } = useTabwireStatus();
  const left = useTabs((tabs) => tabs.left);

  return (
    <section className="panel" aria-labelledby="actions-title">
      <h2 id="actions-title">Try it</h2>
      {left && (
        <p className="notice" role="alert" data-testid="left">
          This browser does not let a page close a tab that a person opened, so this tab left its group instead: look at the
          others.
          <button type="button" onClick={() => location.reload()} data-testid="rejoin">
            Join again
          </button>
        </p>
      )}
      {reason === "unsupported" && (
        <p className="notice" role="alert">
          This browser cannot run the client: without WebAssembly or WebSocket there are no events, and the orders are fetched
          every few seconds.
        </p>
      )}
      {state === "stopped" && reason !== "unsupported" && !left && (
        <p className="notice" role="alert">
          Stopped{reason ? `: ${reason.replaceAll("_", " ")}` : ""}.
          <button type="button" onClick={wire.reconnect} data-testid="reconnect">
            Connect again
          </button>
        </p>
      )}
      <div className="actions">
        <Action testid="place-order" label="Place an order" hint="Dashed until its event is here; then it is in every tab." run={() => void placeOrder()} main />
        <Action testid="open-tab" label="Open another tab" hint="It joins as a follower: still one WebSocket." run={() => void open(location.href, "_blank", "noopener")} />
        <Action testid="close-leader" label="Close the leading tab" hint="Another tab leads within milliseconds and goes on at the same number." run={() => closeLeader(wire)} />
        <Action testid="cut" label={`Cut the network for ${CUT_SECONDS} s`} hint="Orders placed meanwhile wait, those of others are made up for, in order." run={() => cutAll(CUT_SECONDS)} />
      </div>
    </section>
  );

  async function placeOrder() {
    const order = randomOrder();
    const { orderId, customer, item, total } = order;
    const setPending = (change: (order: PendingOrder) => PendingOrder) =>
      useShop.setState((shop) => ({ pending: shop.pending.map((other) => (other.orderId === orderId ? change(other) : other)) }));
    useShop.setState((shop) => ({ pending: [...shop.pending, order] }));
    try {
      const { eventId } = await wire.send("order_created", { orderId, customer, item, total });
      note("command", `order ${orderId} acknowledged as event #${eventId}`);
    } catch (error) {
      const failed = error instanceof Error ? error.message : String(error);
      note("error", failed);
      setPending((pending) => ({ ...pending, failed }));
    }
  }
}

interface ActionProps {
  testid: string;
  label: string;
  /** What to watch for. */
  hint: ReactNode;
  run: () => void;
  main?: boolean;
}

function Action({ testid, label, hint, run, main }: ActionProps) {
  const id = useId();
  return (
    <div className="action">
      <button type="button" className={main ? undefined : "quiet"} onClick={run} aria-describedby={id} data-testid={testid}>
        {label}
      </button>
      <p className="hint" id={id}>
        {hint}
      </p>
    </div>
  );
}
