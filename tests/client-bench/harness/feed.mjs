// Where events come from: a server of a subject's own kind, in a process of its own that also publishes, so that neither pages nor
// this process keep it from the rate it is told.

import { once } from "node:events";
import { fileURLToPath } from "node:url";

import { end, start } from "../../e2e/harness/processes.mjs";

export class Feed {
  #process;

  /** What its pages need to connect: `{server, token}`. */
  options;

  /** `kind`: a file of ../feeds. */
  static async start(kind) {
    const feed = new Feed();
    const file = fileURLToPath(new URL(`../feeds/${kind}.mjs`, import.meta.url));
    feed.#process = start(process.execPath, [file], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    feed.options = await feed.#answer("its address");
    return feed;
  }

  /** From now on so many events a second, evenly. */
  steady(rate) {
    this.#process.send({ rate });
  }

  /** So many events as fast as it can, once it has stopped the steady ones; resolves when all are published. */
  async burst(count) {
    this.#process.send({ burst: count });
    await this.#answer("the end of a burst");
  }

  async end() {
    await end(this.#process);
  }

  async #answer(what) {
    const gone = once(this.#process, "exit").then(() => {
      throw new Error(`the feed ended instead of telling ${what}`);
    });
    gone.catch(() => {});
    const [message] = await Promise.race([once(this.#process, "message"), gone]);
    return message;
  }
}
