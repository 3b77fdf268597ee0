// A TCP proxy between browser and server: the network, with its three ways to fail.

import { once } from "node:events";
import { connect, createServer } from "node:net";

export class Proxy {
  #target;
  #listener;
  #links = new Set();

  port = 0;

  /** How many bytes were swallowed, up and down together. */
  swallowedBytes = 0;

  /** What has passed: connections that were taken, and bytes as TCP counts them, without its headers. */
  connections = 0;
  upBytes = 0;
  downBytes = 0;

  /** Forwards connections to a port of this machine. */
  static async start(target) {
    const proxy = new Proxy();
    proxy.#target = target;
    await proxy.accept();
    return proxy;
  }

  /** Takes connections (again). */
  async accept() {
    this.#listener = createServer((client) => this.#forward(client));
    this.#listener.listen(this.port, "127.0.0.1");
    await once(this.#listener, "listening");
    this.port = this.#listener.address().port;
  }

  /** Refuses new connections. Those that are open go on. */
  refuse() {
    this.#listener.close();
  }

  /** Resets every open connection. */
  cut() {
    for (const link of this.#links) link.end("resetAndDestroy");
  }

  /**
   * From now on the open connections swallow what is sent `up` to the server, `down` to the browser, or both, and
   * also that one side has closed. Neither side notices, as when a phone has left its network.
   */
  swallow({ up = false, down = false }) {
    for (const link of this.#links) {
      link.up &&= !up;
      link.down &&= !down;
    }
  }

  close() {
    this.refuse();
    // Not reset: Node may wait for ever, at its own end, for a socket that was about to close when it was reset.
    for (const link of this.#links) link.end("destroy");
  }

  #forward(client) {
    this.connections += 1;
    const server = connect(this.#target, "127.0.0.1");
    const link = {
      up: true,
      down: true,
      end: (how) => {
        for (const socket of [client, server]) {
          if (!socket.destroyed) socket[how]();
        }
        this.#links.delete(link);
      },
    };
    this.#links.add(link);
    const pass = (chunk, open, to, counter) => {
      if (open) to.write(chunk);
      this[open ? counter : "swallowedBytes"] += chunk.length;
    };
    client.on("data", (chunk) => pass(chunk, link.up, server, "upBytes"));
    server.on("data", (chunk) => pass(chunk, link.down, client, "downBytes"));
    client.on("close", () => link.up && server.destroy());
    server.on("close", () => link.down && client.destroy());
    // A reset is followed by "close", which is all there is to do about it.
    client.on("error", () => {});
    server.on("error", () => {});
  }
}
