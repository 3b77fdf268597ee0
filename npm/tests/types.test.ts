// @vitest-environment node
// Checked by `tsc`: what compiles, and what must not.
import { expectTypeOf, test } from "vitest";
import { create } from "zustand";
import { createTabwire, type CommandResult, type EventFrame, type TabwireEvent, TabwireError, type TabwireInspection } from "../src/index.js";
import { TabwireProvider, useTabwireEvent, useTabwireStatus } from "../src/react.js";
import { createTabwire as createSlim } from "../src/slim.js";
import { bindStore } from "../src/zustand.js";

interface Events {
  order_created: { orderId: string; customer: string };
  chat_message: { text: string };
}
type Commands = { chat_message: { text: string } };
type Shop = { orders: string[] };

const options = { url: "/ws", user: "u_1", getToken: async () => null };
const wire = createTabwire<Events, Commands>(options);

test("events and commands are typed by the maps", () => {
  wire.on("order_created", (event) => {
    expectTypeOf(event).toEqualTypeOf<EventFrame<"order_created", { orderId: string; customer: string }>>();
    expectTypeOf(event.id).toBeNumber();
    expectTypeOf(event.by).toEqualTypeOf<string | undefined>();
  });
  wire.onBatch((events) => {
    for (const event of events) {
      if (event.type === "chat_message") expectTypeOf(event.payload).toEqualTypeOf<{ text: string }>();
    }
  });
  const send = () => wire.send("chat_message", { text: "hola" }, { timeoutMs: 1 });
  expectTypeOf(send).returns.resolves.toEqualTypeOf<CommandResult>();
  // @ts-expect-error: no such event
  wire.on("order_deleted", () => {});
  // @ts-expect-error: not a command
  wire.send("order_created", { orderId: "1", customer: "a" }).catch(() => {});
  // @ts-expect-error: the wrong payload
  wire.send("chat_message", { texto: "hola" }).catch(() => {});
});

test("the state's type is the third one", () => {
  const typed = createTabwire<Events, Commands, Shop>({
    ...options,
    fetchState: async ({ reason, epoch, head, signal }) => {
      expectTypeOf({ reason, epoch, head, signal }).toEqualTypeOf<{ reason: string; epoch: string; head: number; signal: AbortSignal }>();
      return { state: { orders: [] }, position: { epoch, lastEventId: head } };
    },
  });
  typed.onState((state, { position }) => {
    expectTypeOf(state).toEqualTypeOf<Shop>();
    expectTypeOf(position.lastEventId).toBeNumber();
  });
  // @ts-expect-error: not what fetchState promised
  createTabwire<Events, Commands, Shop>({ ...options, fetchState: async () => ({ state: 5 }) });
});

test("options are required and complete", () => {
  const wrong = [
    // @ts-expect-error: no user
    () => createTabwire({ url: "/ws", getToken: () => null }),
    // @ts-expect-error: a cursor is all three
    () => createSlim({ ...options, initialCursor: { lastEventId: 5 } }),
  ];
  expectTypeOf(wrong).toBeArray();
});

test("what inspect says is typed", () => {
  const { role, term, leader, why, session, counters, cursor } = wire.inspect();
  expectTypeOf(role).toEqualTypeOf<"leader" | "follower" | "solo" | "none">();
  expectTypeOf({ term, leader }).toEqualTypeOf<{ term: number | undefined; leader: string | undefined }>();
  expectTypeOf(why).toEqualTypeOf<"granted" | "stole" | "handed_over" | "elected" | "alone" | undefined>();
  expectTypeOf(session?.modules).toEqualTypeOf<readonly string[] | undefined>();
  expectTypeOf(counters.statesShared).toBeNumber();
  expectTypeOf(cursor).toEqualTypeOf(wire.cursor());
  // @ts-expect-error: no such counter
  expectTypeOf<TabwireInspection["counters"]["wins"]>().toBeNever();
  // @ts-expect-error: not one of the three
  const wrong = () => createTabwire({ ...options, handOver: "sometimes" });
  expectTypeOf(wrong).toBeFunction();
});

test("codes are a union", () => {
  expectTypeOf<TabwireError["code"]>().extract<"closed" | "timeout" | "bad_option">().toEqualTypeOf<"closed" | "timeout" | "bad_option">();
  expectTypeOf<TabwireError["code"]>().not.toEqualTypeOf<string>();
});

test("a switch over all codes leaves none, and one over fewer does", () => {
  const whole = ({ code }: TabwireError): "call" | "page" | "callback" | "command" => {
    switch (code) {
      case "bad_option":
      case "bad_argument":
      case "not_initialized":
      case "no_provider":
      case "not_in_browser":
        return "call";
      case "no_websocket":
      case "no_webassembly":
      case "wasm_blocked":
      case "wasm_failed":
      case "crashed":
        return "page";
      case "handler_failed":
      case "token_failed":
      case "fetch_state_failed":
        return "callback";
      case "forbidden":
      case "unknown_type":
      case "invalid":
      case "conflict":
      case "expired":
      case "too_large":
      case "rate_limited":
      case "unavailable":
      case "timeout":
      case "queue_full":
      case "closed":
      case "unsupported":
        return "command";
      default:
        return code satisfies never;
    }
  };
  const partial = ({ code }: TabwireError) => {
    if (code === "closed") return;
    // @ts-expect-error: there are others
    code satisfies never;
  };
  expectTypeOf([whole, partial]).toBeArray();
});

test("reducers are typed by store and events", () => {
  const useShop = create<{ orders: string[]; tabwire?: unknown }>()(() => ({ orders: [] }));
  const bind = () =>
    bindStore(wire, useShop, {
      state: (_, fetched) => ({ orders: fetched.orders }),
      order_created: (s, event) => {
        expectTypeOf(event).toEqualTypeOf<TabwireEvent<Events, "order_created">>();
        return { orders: [...s.orders, event.payload.orderId] };
      },
      chat_message: () => undefined,
    });
  const wrong = [
    // @ts-expect-error: no such event
    () => bindStore(wire, useShop, { order_deleted: () => ({}) }),
    // @ts-expect-error: not of the store
    () => bindStore(wire, useShop, { order_created: () => ({ orders: 5 }) }),
  ];
  expectTypeOf(bind).returns.toEqualTypeOf<() => void>();
  expectTypeOf(wrong).toBeArray();
});

test("hooks take types, a provider options or a client", () => {
  const use = () => {
    useTabwireEvent<Events, "chat_message">("chat_message", ({ payload }) => expectTypeOf(payload).toEqualTypeOf<{ text: string }>());
    expectTypeOf(useTabwireStatus(({ role }) => role)).toEqualTypeOf<"leader" | "follower" | "solo" | "none">();
    TabwireProvider({ options });
    TabwireProvider({ client: wire });
    // @ts-expect-error: one of the two
    TabwireProvider({});
    // @ts-expect-error: not both
    TabwireProvider({ options, client: wire });
  };
  expectTypeOf(use).toBeFunction();
});
