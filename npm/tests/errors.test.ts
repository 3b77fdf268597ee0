// @vitest-environment happy-dom
// Every code, provoked: the map below must name them all. Each says what happened and what to do.
import { readFileSync } from "node:fs";
import { createElement } from "react";
import { renderToString } from "react-dom/server";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { MAX_COMMANDS_BEFORE_LOAD } from "../src/commands.js";
import { createWith } from "../src/create.js";
import type { CommandErrorCode, TabwireError, TabwireErrorCode } from "../src/errors.js";
import { createTabwire } from "../src/index.js";
import { LINGER_MS } from "../src/registry.js";
import { useTabwire } from "../src/react.js";
import type { TabwireOptions } from "../src/types.js";
import { FakeClient, fakeModule, newPage } from "./fake-client.js";

const basics = { url: "/ws", user: "u_1", getToken: () => "t" };

interface Provoked {
  /** Throws it, or rejects with it, or leaves it to `onError`. */
  by: (page: Page) => unknown;
  says: RegExp;
}

type Page = Awaited<ReturnType<typeof page>>;

/** A page whose client is connected. */
async function page(options: Partial<TabwireOptions> = {}) {
  const { load, loaded } = fakeModule();
  const onError = vi.fn<(error: TabwireError) => void>();
  const wire = createWith<Record<string, unknown>, Record<string, unknown>, unknown>(load, { ...basics, onError, ...options });
  await loaded();
  FakeClient.last.open();
  return { wire, host: FakeClient.last.host, onError };
}

/** The module answers the only command, as the server or the machine would have it. */
const refused =
  (code: CommandErrorCode, executed: "no" | "unknown", message?: string) =>
  ({ wire, host }: Page) => {
    const sent = wire.send("order", {});
    host.settled("tab:1", code, executed, message, undefined);
    return sent;
  };

/** A client that cannot be had, after `change` to the page. */
const withoutClient = async (change: () => unknown) => {
  vi.resetModules();
  newPage();
  const { glue } = await import("./fake-glue.js");
  const { createTabwire } = await import("../src/index.js");
  glue.failure = await change();
  const onError = vi.fn<(error: TabwireError) => void>();
  const wire = createTabwire({ ...basics, onError });
  const sent = wire.send("order", {});
  // Its status and its `send` say the same, whatever the cause.
  await expect(sent).rejects.toMatchObject({ code: "unsupported", executed: "no" });
  expect(wire.getStatus()).toMatchObject({ state: "stopped", reason: "unsupported" });
  expect(onError).toHaveBeenCalledTimes(1);
  await expect(sent).rejects.toMatchObject({ message: `send(order): unsupported, ${onError.mock.calls[0]![0].message}` });
  throw onError.mock.calls[0]![0];
};

const CODES: Record<TabwireErrorCode, Provoked> = {
  bad_option: { by: () => createTabwire({ ...basics, user: "a b" }), says: /createTabwire: user must be the token's sub/ },
  bad_argument: { by: ({ wire }) => wire.send("order", {}, { timeoutMs: 0 }), says: /send: timeoutMs must be from 1 to 300000/ },
  not_initialized: {
    by: async () => (await import("../src/slim.js")).createTabwire({ ...basics, user: "slim" }),
    says: /call `await init\(url\)` before createTabwire/,
  },
  no_provider: { by: () => renderToString(createElement(() => void useTabwire())), says: /put a <TabwireProvider> above/ },
  not_in_browser: {
    by: ({ wire }) => {
      vi.stubGlobal("document", undefined);
      return wire.send("order", {});
    },
    says: /call it in the browser/,
  },
  no_websocket: { by: () => withoutClient(() => vi.stubGlobal("WebSocket", undefined)), says: /no WebSocket: poll instead/ },
  no_webassembly: {
    by: () =>
      withoutClient(() => {
        vi.stubGlobal("WebAssembly", undefined);
        return new ReferenceError("WebAssembly is not defined");
      }),
    says: /no WebAssembly: poll instead/,
  },
  wasm_blocked: {
    by: () => withoutClient(() => new Error("WebAssembly.instantiate(): because 'unsafe-eval' is not an allowed source of script")),
    says: /add 'wasm-unsafe-eval' to script-src/,
  },
  wasm_failed: {
    by: () => withoutClient(() => new ReferenceError("DecompressionStream is not defined")),
    says: /could not be loaded, reload the page: ReferenceError: DecompressionStream/,
  },
  crashed: {
    by: ({ wire }) => {
      FakeClient.last.trap = new Error("unreachable");
      wire.reconnect();
    },
    says: /reload the page: Error: unreachable/,
  },
  handler_failed: {
    by: ({ wire, host }) => {
      wire.on("order", () => {
        throw new Error("mine");
      });
      host.deliver([{ id: 1, type: "order", payload: {}, module: "orders", scope: { shopId: "s_1" }, timestamp: 0 }]);
    },
    says: /A handler of on order failed: Error: mine/,
  },
  token_failed: {
    by: async () => {
      newPage();
      const { host, onError } = await page({ getToken: () => 5 as never });
      host.getToken(1, "connect");
      await vi.waitFor(() => expect(onError).toHaveBeenCalled());
      throw onError.mock.calls[0]![0];
    },
    says: /getToken failed, will be called again: TypeError: it must return a JWT, or null/,
  },
  fetch_state_failed: {
    by: async () => {
      newPage();
      const { host, onError } = await page({ fetchState: () => 5 as never });
      host.fetchState(1, "initial", "e", 0);
      await vi.waitFor(() => expect(onError).toHaveBeenCalled());
      throw onError.mock.calls[0]![0];
    },
    says: /fetchState failed: TypeError: it must return \{ state, position\? \}/,
  },
  forbidden: { by: refused("forbidden", "no", "module chat"), says: /forbidden, module chat/ },
  unknown_type: { by: refused("unknown_type", "no", "no such type"), says: /unknown_type, no such type/ },
  invalid: { by: refused("invalid", "no"), says: /the type must be 1 to 128 of/ },
  conflict: { by: refused("conflict", "no", "it is paid"), says: /conflict, it is paid/ },
  expired: { by: refused("expired", "no", "too late"), says: /expired, too late/ },
  too_large: { by: refused("too_large", "no"), says: /the server takes inspect\(\)\.session\.maxFrame bytes/ },
  rate_limited: { by: refused("rate_limited", "no", "10 a second"), says: /rate_limited, 10 a second/ },
  unavailable: { by: refused("unavailable", "unknown", "no log"), says: /unavailable, no log/ },
  timeout: { by: refused("timeout", "no"), says: /timeout, not connected within timeoutMs/ },
  queue_full: { by: refused("queue_full", "no"), says: /wait for answers/ },
  closed: {
    by: ({ wire }) => {
      wire.close();
      return wire.send("order", {});
    },
    says: /the client is closed, make another/,
  },
  unsupported: {
    by: () => {
      vi.stubGlobal("WebSocket", undefined);
      return createTabwire({ ...basics, user: "u_2", onError: () => {} }).send("order", {});
    },
    says: /no WebSocket: poll instead/,
  },
};

beforeEach(newPage);
afterEach(() => {
  vi.unstubAllGlobals();
});

test.each(Object.entries(CODES))("%s says what happened and what to do", async (code, { by, says }) => {
  const here = await page();
  const rejected = await Promise.resolve()
    .then(() => by(here))
    .then(() => here.onError.mock.calls[0]?.[0], (error: TabwireError) => error);
  expect(rejected).toMatchObject({ name: "TabwireError", code, message: expect.stringMatching(says) });
});

test.each([
  [refused("timeout", "unknown"), { executed: "unknown", message: "send(order): timeout, no answer within timeoutMs" }],
  [refused("closed", "no"), { executed: "no", message: "send(order): closed, getStatus().reason says why" }],
  [refused("too_large", "no", "the back end takes 4 KiB"), { message: "send(order): too_large, the back end takes 4 KiB" }],
])("a command's error says by what it was given up, case %#", async (by, error) => {
  await expect(by(await page())).rejects.toMatchObject(error);
});

test("after logout a command is refused as closed", async () => {
  const { wire, host } = await page();
  wire.logout();
  expect(wire.getStatus().reason).toBe("logged_out");
  const sent = wire.send("order", {});
  host.settled("tab:1", "closed", "no", undefined, undefined);
  await expect(sent).rejects.toMatchObject({ code: "closed", executed: "no", message: expect.stringContaining("getStatus().reason") });
});

test("no more commands wait for the module than it says", async () => {
  const { load } = fakeModule();
  const wire = createWith<Record<string, unknown>, Record<string, unknown>, unknown>(load, { ...basics, user: "u_3" });
  const sent = Array.from({ length: MAX_COMMANDS_BEFORE_LOAD + 1 }, () => wire.send("order", {}));
  await expect(sent.at(-1)).rejects.toMatchObject({ code: "queue_full", executed: "no" });
  vi.useFakeTimers();
  wire.close();
  vi.advanceTimersByTime(LINGER_MS);
  vi.useRealTimers();
  const rest = await Promise.allSettled(sent.slice(0, -1));
  expect(new Set(rest.map((one) => one.status === "rejected" && one.reason.code))).toEqual(new Set(["closed"]));
});

test("the README's table has every code, and no other", () => {
  const readme = readFileSync("README.md", "utf8");
  const table = readme.split("\n### Error codes\n")[1]!.split("\n#")[0]!;
  const [, ...lines] = table.split("|---|---|---|");
  const rows = [...lines.join().matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`(\w+)`/g)].map(([, code]) => code!));
  expect(rows.toSorted()).toEqual(Object.keys(CODES).toSorted());
});
