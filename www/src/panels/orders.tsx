import { memo, useEffect, useMemo, useRef } from "react";
import { useTabwire } from "tabwire/react";
import { shownOrders, type ShownOrder } from "../ahead";
import { sendAhead, useRefused } from "../send";
import { nextStatus, STATUSES, useShop } from "../shop";
import { useShown } from "../shown";

const ADVANCE = { new: "Start", preparing: "Finish", ready: "Deliver", delivered: "" };
const EMPTY = { new: "Place one: it shows in every tab", preparing: "Nothing in the oven", ready: "Nothing to hand over", delivered: "Nothing delivered yet" };
const WAITS = { placed: "on its way", changed: "on its way", cancelled: "cancelling" };

export function Orders() {
  const state = useShown(useShop, (shop) => shop.orders);
  const ahead = useShown(useShop, (shop) => shop.ahead);
  const loaded = useShown(useShop, (shop) => shop.loaded);
  const orders = useMemo(() => shownOrders(state, ahead), [state, ahead]);

  return (
    <section className="panel orders" aria-labelledby="orders-title">
      <h2 id="orders-title">
        Orders{" "}
        <span className="count" data-testid="order-count">
          {state.length}
        </span>
      </h2>
      <div className="board" data-testid="orders" aria-busy={!loaded}>
        {STATUSES.map((status) => {
          const lane = orders.filter((order) => order.status === status);
          return (
            <section key={status} className="lane" aria-label={`Orders: ${status}`}>
              <h3>
                {status} <span className="count">{lane.length}</span>
              </h3>
              <ul tabIndex={0} aria-label={`${status} orders, newest first`}>
                {lane.map((order) => <Card key={order.orderId} order={order} />).reverse()}
                {!lane.length && <li className="empty">{loaded ? EMPTY[status] : "…"}</li>}
              </ul>
            </section>
          );
        })}
      </div>
    </section>
  );
}

/** The order that goes to another lane, and the focus with it: its card there is another element. */
let followed: string | undefined;

/** A burst changes some cards per frame; the others are as they were. */
const Card = memo(function Card({ order }: { order: ShownOrder }) {
  const wire = useTabwire();
  const refused = useRefused((all) => all[order.orderId]);
  const { orderId, pending, status } = order;
  const next = nextStatus(status);
  const card = useRef<HTMLLIElement>(null);
  const advance = () => {
    if (!next) return;
    followed = orderId;
    void sendAhead(wire, "order_updated", { orderId, status: next }, `Order ${orderId}, ${next}`);
  };
  useEffect(() => {
    if (followed !== orderId) return;
    followed = undefined;
    card.current?.focus({ preventScroll: true });
  }, [orderId]);
  return (
    <li
      ref={card}
      tabIndex={-1}
      className={`card ${pending ? `pending ${pending}` : ""} ${refused ? "refused" : ""}`}
      data-testid={pending === "placed" ? "pending" : "order"}
      data-order={orderId}
      data-status={status}
      data-pending={pending}
    >
      <p className="item">{order.item}</p>
      <p className="customer">
        {order.customer} · <code>{orderId}</code>
      </p>
      {refused && (
        <p className="why" data-testid="refused-note">
          {refused}
        </p>
      )}
      {pending ? (
        <p className="waits">{WAITS[pending]}</p>
      ) : (
        next && (
          <button type="button" className="small" onClick={advance} data-testid="advance" aria-label={`${ADVANCE[status]} order ${orderId}: make it ${next}`}>
            {ADVANCE[status]}
          </button>
        )
      )}
      <p className="total">{order.total.toFixed(2)} €</p>
    </li>
  );
});
