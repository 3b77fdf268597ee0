// Stands between a back end and tabwire-server, as a network does that fails at the worst moments.

import { once } from "node:events";
import { createServer } from "node:http";
import { text } from "node:stream/consumers";

export class Gateway {
  #listener;
  #target;

  /** What happens before `GET /position` reaches the server, and before its answer reaches the back end. */
  beforePosition = async () => {};
  afterPosition = async () => {};

  /** What becomes of the next calls of `POST /events`: `busy` (503) or `breaks` (taken, but the answer is lost). */
  faults = [];

  /** Called with each item that the server took, and the id that it gave. */
  taken = () => {};

  static async start(target) {
    const gateway = new Gateway();
    gateway.#target = target;
    gateway.#listener = createServer((request, response) => {
      gateway.#pass(request, response).catch((error) => response.destroy(error));
    });
    gateway.#listener.listen(0, "127.0.0.1");
    await once(gateway.#listener, "listening");
    return gateway;
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  close() {
    this.#listener.close();
    this.#listener.closeAllConnections();
  }

  async #pass(request, response) {
    const { method, url, headers } = request;
    const body = method === "POST" ? await text(request) : undefined;
    const isPosition = url.startsWith("/position");
    const fault = method === "POST" ? this.faults.shift() : undefined;
    if (fault === "busy") return response.writeHead(503, { "retry-after": "1" }).end();
    if (isPosition) await this.beforePosition();
    const { authorization, "content-type": type, "idempotency-key": key } = headers;
    const passed = Object.entries({ authorization, "content-type": type, "idempotency-key": key });
    const answer = await fetch(this.#target + url, { method, body, headers: passed.filter(([, value]) => value !== undefined) });
    const answered = await answer.text();
    if (method === "POST" && answer.ok) {
      const [events, results] = [JSON.parse(body), JSON.parse(answered)].map((one) => [one].flat());
      for (const [n, { id }] of results.entries()) if (id !== undefined) this.taken(events[n], id);
    }
    if (isPosition) await this.afterPosition();
    if (fault === "breaks") return response.destroy();
    response.writeHead(answer.status, { "content-type": "application/json" }).end(answered);
  }
}
