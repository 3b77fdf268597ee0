// A real Chromium, and a tab of it that has the test page open.

import { readFileSync } from "node:fs";

import { chromium } from "playwright-core";

import { until } from "./until.mjs";

// The flags of the browser that runs the client's own tests.
const capabilities = JSON.parse(readFileSync(new URL("../../../xtask/webdriver.json", import.meta.url), "utf8"));

export function launch() {
  return chromium.launch({
    executablePath: process.env.TABWIRE_CHROMIUM ?? "/usr/bin/chromium",
    args: capabilities["goog:chromeOptions"].args,
  });
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

  /** The renderer dies: the page can do nothing any more. */
  async crash() {
    const crashed = this.#page.waitForEvent("crash");
    const session = await this.#page.context().newCDPSession(this.#page);
    // The answer never comes, since who should give it is gone.
    session.send("Page.crash").catch(() => {});
    await crashed;
  }
}
