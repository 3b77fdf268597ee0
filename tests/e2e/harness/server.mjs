// A real tabwire-server process that can be killed and started again, and what an app's back end asks of it.

import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

import { start } from "./processes.mjs";

const BINARY = process.env.TABWIRE_SERVER ?? fileURLToPath(new URL("../../../target/debug/tabwire-server", import.meta.url));
const PUBLISH_KEY = "e2e-publish-key";
const JWT_SECRET = "e2e-jwt-secret-of-thirty-two-bytes-or-more";
const STARTED_WITHIN_MS = 15_000;
const LOG_LINES_KEPT = 60;

export class Server {
  #flags;
  #process;
  #log = [];

  /** The port stays the same through restarts, so that clients find it again. */
  port = 0;

  /** Starts a server in demo mode on a free port. `flags` are added to its command line. */
  static async start({ flags = [] } = {}) {
    const server = new Server();
    server.#flags = flags;
    await server.startAgain();
    return server;
  }

  /** Starts the process on the port it had before. Its log is in memory: this is a new epoch. */
  async startAgain() {
    const args = ["--listen", `127.0.0.1:${this.port}`, "--publish-key", PUBLISH_KEY, "--jwt-secret", JWT_SECRET, "--demo"];
    const child = start(BINARY, [...args, ...this.#flags], { stdio: ["ignore", "pipe", "pipe"] });
    this.#process = child;
    createInterface({ input: child.stderr }).on("line", (line) => this.#keep(line));
    this.port = await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`the server did not start in time:\n${this.log}`)), STARTED_WITHIN_MS);
      child.once("error", reject);
      child.once("exit", () => reject(new Error(`the server ended at once:\n${this.log}`)));
      createInterface({ input: child.stdout }).on("line", (line) => {
        this.#keep(line);
        const port = /^listening on http:\/\/.*:(\d+)$/.exec(line)?.[1];
        if (!port) return;
        clearTimeout(late);
        child.removeAllListeners("exit");
        resolve(Number(port));
      });
    });
  }

  /** SIGKILL: nobody is told anything. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** SIGTERM: the server says goodbye to its clients. */
  async stop() {
    await this.#end("SIGTERM");
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The last lines the server printed. */
  get log() {
    return this.#log.join("\n");
  }

  /** A token as the app's login would issue it. Signed here, so that it can be had while the server is down. */
  token({ userId, shopId, modules = ["chat", "orders"], seconds = 3600 }) {
    const now = Math.floor(Date.now() / 1000);
    const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
    const claims = { sub: userId, shopId, modules, iat: now, exp: now + seconds };
    const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
    return `${signed}.${createHmac("sha256", JWT_SECRET).update(signed).digest("base64url")}`;
  }

  /** Publishes one event or an array of them; returns `{id, epoch}` or an array of those. */
  async publish(events) {
    const answer = await this.#asBackEnd("/events", { method: "POST", body: JSON.stringify(events) });
    const refused = [answer].flat().find((item) => item.error);
    if (refused) throw new Error(`an event was refused: ${JSON.stringify(refused.error)}`);
    return answer;
  }

  /** `{epoch, head}` of a shop's log. */
  async position(shopId) {
    return this.#asBackEnd(`/position?shopId=${shopId}`);
  }

  /** The sessions of a shop, as the server lists them. */
  async sessions(shopId) {
    return (await this.#asBackEnd(`/sessions?shopId=${shopId}`)).sessions;
  }

  /** The state of the demo's shop as a user sees it: `{state, epoch, lastEventId}`. */
  async state(token) {
    const response = await fetch(`${this.url}/state`, { headers: { authorization: `Bearer ${token}` } });
    return read(response);
  }

  /** The value of an unlabelled metric. */
  async metric(name) {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const value = new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1];
    if (value === undefined) throw new Error(`no metric ${name}`);
    return Number(value);
  }

  async #asBackEnd(path, options = {}) {
    const headers = { authorization: `Bearer ${PUBLISH_KEY}`, "content-type": "application/json" };
    return read(await fetch(this.url + path, { headers, ...options }));
  }

  async #end(signal) {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  }

  #keep(line) {
    this.#log.push(line);
    if (this.#log.length > LOG_LINES_KEPT) this.#log.shift();
  }
}

async function read(response) {
  const text = await response.text();
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
