/** The one error class, and every code it can carry. */

/** Wrong use; the message names the option or call and the remedy. */
export type UsageErrorCode =
  /** An option of `createTabwire` is missing, wrong or unknown, or clients of one group in a page disagree. Thrown. */
  | "bad_option"
  /** An argument of a call is wrong: what is no handler, a payload that is not JSON, a `timeoutMs` out of range. */
  | "bad_argument"
  /** `tabwire/slim` was used before `init`. Thrown. */
  | "not_initialized"
  /** A hook outside of `<TabwireProvider>`. Thrown. */
  | "no_provider"
  /** `send` on a server. */
  | "not_in_browser";

/** The page cannot run the client: told to `onError` once, the status is `stopped`. The first four are reason `unsupported`. */
export type EnvironmentErrorCode =
  /** The browser has no WebSocket. Poll. */
  | "no_websocket"
  /** The browser has no WebAssembly, or it is switched off (Lockdown Mode). Poll. */
  | "no_webassembly"
  /** The page's Content-Security-Policy lacks `'wasm-unsafe-eval'`. Add it to `script-src`. */
  | "wasm_blocked"
  /**
   * The module could not be fetched or compiled; the browser's error is the `cause`. With `tabwire/slim` the address that `init`
   * was given is wrong; without, the browser has no `DecompressionStream` (before 2023), which `tabwire/slim` does without.
   */
  | "wasm_failed"
  /** The client broke, with every other in the page. Reload it. */
  | "crashed";

/** A function the app gave us failed; its error is the `cause`. Told to `onError`. */
export type CallbackErrorCode =
  /** A handler, listener or reducer threw, or its promise rejected. The others ran. */
  | "handler_failed"
  /** `getToken` threw, or returned something else than a JWT or null. It will be called again. */
  | "token_failed"
  /** `fetchState` threw, or returned no state. It will be called again. */
  | "fetch_state_failed";

/** Why a command was not acknowledged: the server's codes, then those of the client. */
export type CommandErrorCode =
  /** The user may not send this type. */
  | "forbidden"
  /** The server knows no such type. */
  | "unknown_type"
  /** The server, or the app's back end, refuses the payload; or the type is no name. */
  | "invalid"
  /** The app's back end says that it contradicts what is. */
  | "conflict"
  /** It came to the server after its deadline, or too late to know whether it had been there before. */
  | "expired"
  /** It is larger than the server takes: `inspect().session.maxFrame` bytes with its frame. */
  | "too_large"
  /** The user sends too much. Wait a little. */
  | "rate_limited"
  /** The server, or the app's back end, could not be asked. */
  | "unavailable"
  /** `timeoutMs` is over. `executed: "no"`: there was no connection; `"unknown"`: there was no answer. */
  | "timeout"
  /** Too many commands wait for an answer, or events for the reader of a `tabwireStream`. */
  | "queue_full"
  /** After `close` or `logout`, or when the client has stopped: `getStatus().reason` says why. */
  | "closed"
  /** The page cannot run the client; the message says why. Post to the back end instead. */
  | "unsupported";

export type TabwireErrorCode = UsageErrorCode | EnvironmentErrorCode | CallbackErrorCode | CommandErrorCode;

export class TabwireError extends Error {
  override readonly name = "TabwireError";
  readonly code: TabwireErrorCode;
  /** For commands: `"no"` is certain, `"unknown"` means the server may have run it. */
  readonly executed?: "no" | "unknown";

  constructor(code: TabwireErrorCode, message: string, more: { executed?: "no" | "unknown"; cause?: unknown } = {}) {
    super(message, "cause" in more ? { cause: more.cause } : undefined);
    this.code = code;
    if (more.executed) this.executed = more.executed;
  }
}
