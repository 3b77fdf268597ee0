// A real Chromium, and a tab of it that has the test page open.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

import { until } from "./until.mjs";

// The flags of the browser that runs the client's own tests.
const capabilities = JSON.parse(await readFile(new URL("../../../xtask/webdriver.json", import.meta.url), "utf8"));
const FLAGS = capabilities["goog:chromeOptions"].args;
const EXECUTABLE = process.env.TABWIRE_CHROMIUM ?? "/usr/bin/chromium";

export function launch() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/**
 * A browser whose tabs can be hidden and frozen: one that playwright has launched keeps all its tabs in the foreground,
 * and a page in the foreground is never frozen. Its one profile is `context`.
 */
export async function launchWithBackground() {
  const profile = await mkdtemp(join(tmpdir(), "tabwire-e2e-"));
  const flags = [...FLAGS, "--remote-debugging-port=0", `--user-data-dir=${profile}`, "about:blank"];
  const child = spawn(EXECUTABLE, flags, { stdio: ["ignore", "ignore", "pipe"] });
  const exited = once(child, "exit");
  const address = await new Promise((resolve, reject) => {
    exited.then(() => reject(new Error("the browser ended at once")), reject);
    createInterface({ input: child.stderr }).on("line", (line) => {
      const found = /^DevTools listening on (\S+)$/.exec(line)?.[1];
      if (found) resolve(found);
    });
  });
  const browser = await chromium.connectOverCDP(address, { noDefaults: true });
  return {
    context: browser.contexts()[0],
    async close() {
      await browser.close();
      child.kill("SIGKILL");
      await exited;
      await rm(profile, { recursive: true, maxRetries: 5, retryDelay: 100 });
    },
  };
}

/** One tab. What its page records is described in `page/tab.js`. */
export class Tab {
  #page;

  /** WebSockets this tab has opened, ever. */
  socketsOpened = 0;

  static async open(context, url) {
    const tab = new Tab();
    tab.#page = await context.newPage();
    tab.#page.on("websocket", () => (tab.socketsOpened += 1));
    await tab.#page.goto(url);
    return tab;
  }

  /** Waits until the tab has its state and gets events. */
  isOpen(options) {
    return until("the tab is open", async () => (await this.status()).state === "open", options);
  }

  /** Waits until the tab has stopped for this reason. */
  hasStopped(reason) {
    return until(`the tab has stopped: ${reason}`, async () => {
      const status = await this.status();
      if (status.state === "stopped" && status.reason === reason) return true;
      throw new Error(JSON.stringify(status));
    });
  }

  /** `wire.getStatus()` */
  status() {
    return this.#page.evaluate(() => window.wire.getStatus());
  }

  /** `wire.cursor()` */
  cursor() {
    return this.#page.evaluate(() => window.wire.cursor());
  }

  async leads() {
    return (await this.status()).role === "leader";
  }

  /** Every event delivered, in order of delivery. */
  events() {
    return this.#page.evaluate(() => window.record.events);
  }

  /** The ids of every event delivered, in order of delivery. */
  ids() {
    return this.#page.evaluate(() => window.record.events.map((event) => event.id));
  }

  /** Every state delivered: `[{reason, position}]`. */
  states() {
    return this.#page.evaluate(() => window.record.states);
  }

  /** What the page shows: `["o_1 new", …]`. */
  orders() {
    return this.#page.locator("#orders li").allTextContents();
  }

  /** What went wrong in the eyes of the app. */
  errors() {
    return this.#page.evaluate(() => window.record.errors);
  }

  /** Sends a command; resolves with the result, or with `{code, executed}` when it was rejected. */
  send(type, payload) {
    return this.#page.evaluate(
      ([type, payload]) => window.wire.send(type, payload).catch(({ code, executed }) => ({ code, executed })),
      [type, payload],
    );
  }

  /** `wire.logout()` */
  logout() {
    return this.#page.evaluate(() => window.wire.logout());
  }

  /** `wire.reconnect()` */
  reconnect() {
    return this.#page.evaluate(() => window.wire.reconnect());
  }

  /** Milliseconds from when the last tab of this browser went away until this one, which leads now, did so. */
  tookOverInMs() {
    return this.#page.evaluate(() => window.record.leadsAt - Number(localStorage.getItem("e2e:left-at")));
  }

  /** Everything there is to know when a test has failed. */
  describe() {
    return this.#page.evaluate(() => {
      const { events, states, errors } = window.record;
      return { status: window.wire.getStatus(), inspect: window.wire.inspect(), events: events.length, states, errors };
    });
  }

  /** As a person reloads the page. */
  async reload() {
    await this.#page.reload();
    await this.isOpen();
  }

  /** As a person goes to another site. */
  leave() {
    return this.#page.goto("about:blank");
  }

  /** As a person closes the tab: the page is told and may say goodbye. */
  close() {
    return this.#page.close();
  }

  /** As the browser freezes a tab in the background to save the battery: the page hears `freeze`, then nothing runs. */
  async freeze() {
    await this.#lifecycle("frozen");
  }

  /** As the browser lets a frozen tab run again. */
  async thaw() {
    await this.#lifecycle("active");
  }

  /** The renderer dies: the page can do nothing any more. */
  async crash() {
    const crashed = this.#page.waitForEvent("crash");
    const session = await this.#page.context().newCDPSession(this.#page);
    // The answer never comes, since who should give it is gone.
    session.send("Page.crash").catch(() => {});
    await crashed;
  }

  async #lifecycle(state) {
    const session = await this.#page.context().newCDPSession(this.#page);
    await session.send("Page.setWebLifecycleState", { state });
    await session.detach();
  }
}
