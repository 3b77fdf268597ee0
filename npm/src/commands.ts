/** The promises of `send`: made here, kept by the module, settled through `Host.settled`. */

import { type CommandErrorCode, TabwireError, type TabwireErrorCode } from "./errors.js";
import type { CommandResult, SendOptions } from "./types.js";
import type { WasmClient } from "./wasm.js";

export const DEFAULT_TIMEOUT_MS = 10_000;
/** The server keeps a command's record no longer. */
export const MAX_TIMEOUT_MS = 300_000;
/** Commands that may wait for the module to load. */
export const MAX_COMMANDS_BEFORE_LOAD = 256;

/** What a code of the client means; the server says it in words of its own. */
const WHY: { readonly [Code in CommandErrorCode]?: string } = {
  invalid: "the type must be 1 to 128 of A-Z a-z 0-9 _ . : @ -",
  too_large: "the server takes inspect().session.maxFrame bytes",
  queue_full: "wait for answers",
  closed: "getStatus().reason says why",
};

interface Command {
  readonly type: string;
  readonly payloadJson: string;
  readonly deadline: number;
  readonly onId: SendOptions["onId"];
  readonly resolve: (result: CommandResult) => void;
  readonly reject: (error: TabwireError) => void;
}

type Call = <T>(run: (client: WasmClient) => T) => T | undefined;

export class Commands {
  /** Calls the module once it is loaded. */
  #call: Call | undefined;
  readonly #waiting: Command[] = [];
  /** Why nothing is taken any more. */
  #ended: [code: TabwireErrorCode, executed: "no", message: string] | undefined;
  readonly #pending = new Map<string, Command>();
  /** Settled while `client.send` was running, before it returned the id. */
  readonly #early = new Map<string, (command: Command) => void>();

  send(type: string, payload: unknown, { timeoutMs = DEFAULT_TIMEOUT_MS, onId }: SendOptions = {}): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
      if (!type || typeof type !== "string") throw badArgument("type must be the name of an event type");
      if (!(timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS)) throw badArgument(`timeoutMs must be from 1 to ${MAX_TIMEOUT_MS}`);
      let payloadJson: string | undefined;
      try {
        payloadJson = JSON.stringify(payload);
      } catch (cause) {
        throw badArgument(`the payload is not JSON: ${cause}`, cause);
      }
      if (payloadJson === undefined) throw badArgument("the payload is not JSON: use null for none");
      const command = { type, payloadJson, deadline: Date.now() + timeoutMs, onId, resolve, reject };
      if (this.#ended) fail(command, ...this.#ended);
      else if (this.#call) this.#pass(this.#call, command);
      else if (this.#waiting.length < MAX_COMMANDS_BEFORE_LOAD) this.#waiting.push(command);
      else fail(command, "queue_full", "no", "too many commands before the client was loaded");
    });
  }

  /** The module is there: what waited goes first. */
  loaded(call: Call): void {
    this.#call = call;
    for (const command of this.#waiting.splice(0)) this.#pass(call, command);
  }

  settled(id: string, code: string | undefined, executed: string | undefined, message: string | undefined, ack: object | undefined): void {
    const settle = (command: Command) =>
      code === undefined
        ? command.resolve(toResult(ack))
        : fail(command, code as CommandErrorCode, executed === "no" ? "no" : "unknown", message);
    const command = this.#pending.get(id);
    if (!command) return void this.#early.set(id, settle);
    this.#pending.delete(id);
    settle(command);
  }

  /** Nothing will be settled any more. */
  end(code: TabwireErrorCode, message: string): void {
    this.#ended = [code, "no", message];
    for (const command of this.#waiting.splice(0)) fail(command, ...this.#ended);
    for (const command of this.#pending.values()) fail(command, code, "unknown", message);
    this.#pending.clear();
  }

  #pass(call: Call, command: Command): void {
    const leftMs = command.deadline - Date.now();
    if (leftMs <= 0) return fail(command, "timeout", "no", "the client was not loaded within timeoutMs");
    const id = call((client) => client.send(command.type, command.payloadJson, leftMs));
    if (id === undefined) return fail(command, "crashed", "unknown", "reload the page");
    const settle = this.#early.get(id);
    this.#early.clear();
    if (!settle) this.#pending.set(id, command);
    try {
      command.onId?.(id);
    } catch (cause) {
      reportError(cause); // the commands after it are as good as ever
    }
    settle?.(command);
  }
}

function toResult(ack: object = {}): CommandResult {
  const { eventId, epoch, result } = ack as CommandResult;
  return {
    ...(eventId !== undefined && { eventId }),
    ...(epoch !== undefined && { epoch }),
    ...(result !== undefined && { result }),
  };
}

function fail(command: Command, code: TabwireErrorCode, executed: "no" | "unknown", message?: string): void {
  const late = executed === "no" ? "not connected within timeoutMs" : "no answer within timeoutMs";
  const why = message ?? (code === "timeout" ? late : WHY[code as CommandErrorCode]);
  command.reject(new TabwireError(code, `send(${command.type}): ${why ? `${code}, ${why}` : code}`, { executed }));
}

function badArgument(message: string, cause?: unknown): TabwireError {
  return new TabwireError("bad_argument", `send: ${message}`, { executed: "no", cause });
}
