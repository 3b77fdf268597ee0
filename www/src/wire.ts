/** The demo's events, and the client that brings them into the stores. */

import { createTabwire, type Cursor, type Tabwire } from "tabwire";
import { bindStore } from "tabwire/zustand";
import { fetchShop, freshToken, type Session } from "./api";
import { note, noteEvents, noteState } from "./log";
import { shopReducers, useShop } from "./shop";

export type OrderStatus = "new" | "preparing" | "ready" | "delivered";

export interface Order {
  orderId: string;
  customer: string;
  item: string;
  total: number;
  status: OrderStatus;
}

export interface ChatLine {
  id: number;
  by: string;
  text: string;
  timestamp: number;
}

export interface ShopState {
  orders: Order[];
  chat: ChatLine[];
}

interface Events {
  order_created: Omit<Order, "status">;
  order_updated: { orderId: string; status: OrderStatus };
  /** Only the server may send it: from a page it is refused. */
  order_cancelled: { orderId: string };
  chat_message: { text: string };
}

declare module "tabwire" {
  interface Register {
    events: Events;
    commands: Events;
    state: ShopState;
  }
}

/** Milliseconds between two looks at the state, in a browser that cannot run the client. */
const POLL_MS = 5_000;

/** `cursor` is where the shop that is shown is at, when this browser has seen it before. */
export function connect(session: Session, cursor: Cursor | undefined): Tabwire {
  const wire = createTabwire({
    url: "ws", // beside the page, wherever that is
    user: session.userId,
    namespace: session.device && `demo:${session.device}`,
    initialCursor: cursor,
    getToken: ({ reason }) => {
      note("token", `asked for a token: ${reason}`);
      return freshToken(session);
    },
    fetchState: async ({ reason, signal }) => {
      note("state", `fetching the state: ${reason}`);
      const { state, epoch, lastEventId } = await fetchShop(session, signal);
      return { state, position: { epoch, lastEventId } };
    },
    stateKey: "shop", // it depends on nothing but the user: whoever comes later takes it from the leading tab
    onError: (error) => note("error", error.message),
  });
  bindStore(wire, useShop, shopReducers, { persistCursor: true });
  wire.onBatch(noteEvents);
  wire.onState((_, { reason, position }) => noteState(reason, position.lastEventId));
  let last = "";
  wire.subscribe(() => {
    const { state, role, reason } = wire.getStatus();
    if (reason === "unsupported") void poll(wire, session);
    const now = [state, role !== "none" && role, reason].filter(Boolean).join(", ");
    if (now !== last) note("status", now); // each attempt to reconnect is a change of `retryAt` only
    last = now;
  });
  return wire;
}

/** Without WebAssembly (Lockdown Mode, say) there are no events: the state is fetched again and again. */
async function poll(wire: Tabwire, session: Session): Promise<void> {
  if (wire.getStatus().reason !== "unsupported") return; // logged out
  try {
    const { state } = await fetchShop(session, AbortSignal.timeout(POLL_MS));
    useShop.setState({ ...state, loaded: true });
  } catch (error) {
    note("error", String(error));
  }
  setTimeout(() => void poll(wire, session), POLL_MS);
}
