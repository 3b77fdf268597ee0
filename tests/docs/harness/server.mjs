// A real tabwire-server, as the pages start one.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { end, line, start } from "../../e2e/harness/processes.mjs";

export const BINARY = process.env.TABWIRE_SERVER ?? fileURLToPath(new URL("../../../target/debug/tabwire-server", import.meta.url));
export const PUBLISH_KEY = "PUBLISH-KEY";
export const JWT_SECRET = "JWT-SECRET";
export const TYPES = { order_created: "orders", chat_message: { module: "chat", from: "client" } };

export class Server {
  #process;

  static async start({ flags = [] } = {}) {
    const server = new Server();
    const types = join(folder(), "events.config.json");
    writeFileSync(types, JSON.stringify(TYPES));
    const own = ["--listen", "127.0.0.1:0", "--publish-key", PUBLISH_KEY, "--jwt-secret", JWT_SECRET, "--events-config", types];
    server.#process = start(BINARY, [...own, ...flags], { stdio: ["ignore", "pipe", "ignore"] });
    [, server.url] = await line(server.#process, server.#process.stdout, /^listening on (\S+)$/);
    return server;
  }

  async position(shopId) {
    const answer = await fetch(`${this.url}/position?shopId=${shopId}`, { headers: { authorization: `Bearer ${PUBLISH_KEY}` } });
    return answer.json();
  }

  stop() {
    return end(this.#process);
  }
}

const folders = new Set();

process.on("exit", () => {
  for (const path of folders) rmSync(path, { recursive: true, force: true });
});

/** A folder for this process, which ends with it. */
export function folder() {
  const path = mkdtempSync(join(tmpdir(), "tabwire-docs-"));
  folders.add(path);
  return path;
}
