/** The one error class, and every code it can carry. */

/** Wrong use; the message names the option or call and the remedy. */
export type UsageErrorCode =
  | "bad_option"
  | "bad_argument"
  /** `tabwire/slim` was used before `init`. */
  | "not_initialized"
  /** A hook outside of `<TabwireProvider>`. */
  | "no_provider"
  /** `send` on a server. */
  | "not_in_browser";

/** The page cannot run the client. */
export type EnvironmentErrorCode =
  /** No WebSocket, WebAssembly or DecompressionStream. */
  | "unsupported"
  /** The page's Content-Security-Policy lacks `'wasm-unsafe-eval'`. */
  | "wasm_blocked"
  | "crashed";

/** A function the app gave us failed; its error is the `cause`. */
export type CallbackErrorCode = "handler_failed" | "token_failed" | "fetch_state_failed";

/** Why a command was not acknowledged: the server's codes, then those of the client. */
export type CommandErrorCode =
  | "forbidden"
  | "unknown_type"
  | "invalid"
  | "conflict"
  | "expired"
  | "too_large"
  | "rate_limited"
  | "unavailable"
  | "timeout"
  | "queue_full"
  | "closed";

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
