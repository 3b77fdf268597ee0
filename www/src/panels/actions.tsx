import { useId } from "react";
import type { Tabwire } from "tabwire";
import { useTabwire } from "tabwire/react";
import { publishRush, restartLog, type Session } from "../api";
import { Icon, type IconName } from "../icons";
import { note } from "../log";
import { cutNetwork } from "../network";
import { sendAhead } from "../send";
import { addressOfAnother, addressOfDevice } from "../session";
import { randomOrder, useShop } from "../shop";
import { closeLeader, hangLeader } from "../tabs";
import { tell } from "../toasts";

const CUT_SECONDS = 8;
const HANG_SECONDS = 8;

interface Action {
  testid: string;
  icon: IconName;
  label: string;
  /** What to watch for. */
  hint: string;
  run: (wire: Tabwire, session: Session) => unknown;
}

const ACTIONS: readonly Action[] = [
  {
    testid: "place-order",
    icon: "order",
    label: "Place an order",
    hint: "Dashed until its event is back, then in every tab.",
    run: placeOrder,
  },
  {
    testid: "open-tab",
    icon: "tab",
    label: "Open another tab",
    hint: "It follows. Still one WebSocket.",
    run: () => openTab(location.href),
  },
  {
    testid: "close-leader",
    icon: "close",
    label: "Close the leader",
    hint: "Another tab leads within milliseconds and goes on at the same number.",
    run: closeLeader,
  },
  {
    testid: "hang-leader",
    icon: "hang",
    label: `Hang the leader for ${HANG_SECONDS} s`,
    hint: "Its thread is busy. Look at another tab: that one leads in some 4 s, and the first catches up.",
    run: (wire) => hangLeader(wire, HANG_SECONDS),
  },
  {
    testid: "cut",
    icon: "cut",
    label: `Cut the network for ${CUT_SECONDS} s`,
    hint: "Orders wait, what was missed is replayed. A tab opened now starts offline.",
    run: () => {
      note("demo", `the network is cut for ${CUT_SECONDS} s`);
      cutNetwork(CUT_SECONDS);
    },
  },
  {
    testid: "rush",
    icon: "rush",
    label: "Publish 1,000 events",
    hint: "As fast as the server can. Count them: none missing, none twice.",
    run: async (_, session) => {
      const { first, last } = await publishRush(session);
      note("demo", `the server published #${first} to #${last}`);
    },
  },
  {
    testid: "restart",
    icon: "restart",
    label: "Restart the log",
    hint: "A new epoch: no tab can go on, so each fetches its state. The shop is empty.",
    run: async (_, session) => {
      const { epoch, head } = await restartLog(session);
      note("demo", `the log is another one: ${epoch}, at #${head}`);
    },
  },
  {
    testid: "refused",
    icon: "refuse",
    label: "Send one that is refused",
    hint: "A cancellation, which only the back end may send. Shown, refused, rolled back.",
    run: cancelNewest,
  },
  {
    testid: "other-device",
    icon: "device",
    label: "Log in on another device",
    hint: "A user has one socket: these tabs are replaced. Then take it back.",
    run: (_, session) => openTab(addressOfDevice(session)),
  },
  {
    testid: "other-user",
    icon: "user",
    label: "Join as somebody else",
    hint: "A second user in the same shop, with a socket of their own. Say hello.",
    run: (_, session) => openTab(addressOfAnother(session)),
  },
];

/** What to try, and what to watch for. */
export function Actions({ session }: { session: Session }) {
  const wire = useTabwire();
  const id = useId();
  const run = async (action: Action) => {
    try {
      await action.run(wire, session);
    } catch (error) {
      tell("bad", `${action.label}: ${error instanceof Error ? error.message : error}.`);
    }
  };
  return (
    <section className="actions" aria-labelledby="actions-title">
      <h2 id="actions-title" className="sr">
        Try it
      </h2>
      <ul>
        {ACTIONS.map((action) => (
          <li key={action.testid}>
            <button type="button" onClick={() => void run(action)} aria-describedby={`${id}-${action.testid}`} data-testid={action.testid}>
              <Icon name={action.icon} />
              {action.label}
            </button>
            <p id={`${id}-${action.testid}`}>{action.hint}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function openTab(address: string): void {
  open(address, "_blank", "noopener");
}

/** Resolves with its id, once the server has it. */
async function placeOrder(wire: Tabwire): Promise<string | undefined> {
  const order = randomOrder();
  const taken = await sendAhead(wire, "order_created", order, `Order ${order.orderId}`);
  return taken ? order.orderId : undefined;
}

/** There must be one to cancel. */
async function cancelNewest(wire: Tabwire): Promise<void> {
  const { orders } = useShop.getState();
  const newest = orders.findLast(({ status }) => status !== "delivered") ?? orders.at(-1);
  const orderId = newest?.orderId ?? (await placeOrder(wire));
  if (orderId) await sendAhead(wire, "order_cancelled", { orderId }, `Cancelling order ${orderId}`);
}
