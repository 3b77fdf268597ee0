// Where events come from: a server of a subject's own kind, in a process of its own that also publishes, so that neither pages nor
// this process keep it from the rate it is told.

import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { end, start } from "../../e2e/harness/processes.mjs";

export class Feed {
  #process;
  #gone;

  /** What its pages need to connect: `{server, token}`. */
  options;

  /** `kind`: a file of ../feeds. */
  static async start(kind) {
    const feed = new Feed();
    const file = fileURLToPath(new URL(`../feeds/${kind}.mjs`, import.meta.url));
    feed.#process = start(process.execPath, [file], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    feed.#gone = once(feed.#process, "exit").then(() => {
      throw new Error(`the feed ${kind} has ended`);
    });
    feed.#gone.catch(() => {}); // at the end nobody waits for an answer
    feed.options = await feed.#answer();
    return feed;
  }

  /** From now on so many events a second, evenly. Resolves with how many were published before, ever. */
  steady(rate) {
    return this.#told({ rate });
  }

  /** So many events as fast as it can, and no others. Resolves when they are published. */
  burst(count) {
    return this.#told({ burst: count });
  }

  async end() {
    await end(this.#process);
  }

  #told(what) {
    this.#process.send(what);
    return this.#answer();
  }

  async #answer() {
    const [message] = await Promise.race([once(this.#process, "message"), this.#gone]);
    return message;
  }
}
