import { useTabwire } from "tabwire/react";
import { note } from "../log";
import { nextStatus, type PendingOrder, STATUSES, useShop } from "../shop";
import type { Order } from "../wire";

const ADVANCE = { new: "Start", preparing: "Finish", ready: "Deliver", delivered: "" };

export function Orders() {
  const orders = useShop((shop) => shop.orders);
  const pending = useShop((shop) => shop.pending);
  const loaded = useShop((shop) => shop.loaded);

  return (
    <section className="panel" aria-labelledby="orders-title">
      <h2 id="orders-title">
        Orders <span className="count" data-testid="order-count">{orders.length}</span>
      </h2>
      <div className="board" data-testid="orders" aria-busy={!loaded}>
        {STATUSES.map((status) => (
          <section key={status} className="lane" aria-label={`Orders: ${status}`}>
            <h3>
              {status} <span className="count">{orders.filter((order) => order.status === status).length}</span>
            </h3>
            <ul>
              {status === "new" && pending.map((order) => <PendingCard key={order.orderId} order={order} />).reverse()}
              {orders
                .filter((order) => order.status === status)
                .map((order) => <Card key={order.orderId} order={order} />)
                .reverse()}
            </ul>
          </section>
        ))}
      </div>
      {loaded && !orders.length && !pending.length && <p className="empty">No orders yet: place one, and look at another tab.</p>}
    </section>
  );
}

function Card({ order }: { order: Order }) {
  const { send } = useTabwire();
  const next = nextStatus(order.status);
  const advance = () => {
    if (!next) return;
    send("order_updated", { orderId: order.orderId, status: next }).then(
      ({ eventId }) => note("command", `order ${order.orderId} is ${next}: event #${eventId}`),
      (error: Error) => note("error", error.message),
    );
  };
  return (
    <li className="card" data-testid="order" data-order={order.orderId} data-status={order.status}>
      <Summary order={order} />
      {next && (
        <button type="button" className="small" onClick={advance} data-testid="advance" aria-label={`${ADVANCE[order.status]} order ${order.orderId}: make it ${next}`}>
          {ADVANCE[order.status]}
        </button>
      )}
    </li>
  );
}

function PendingCard({ order }: { order: PendingOrder }) {
  return (
    <li className={order.failed ? "card failed" : "card pending"} data-testid="pending" data-order={order.orderId}>
      <Summary order={order} />
      <span className="hint">{order.failed ?? "waiting for the server"}</span>
    </li>
  );
}

function Summary({ order }: { order: Order }) {
  return (
    <div className="summary">
      <span className="item">{order.item}</span>
      <span className="total">{order.total.toFixed(2)} €</span>
      <span className="customer">
        {order.customer} · <code>{order.orderId}</code>
      </span>
    </div>
  );
}
