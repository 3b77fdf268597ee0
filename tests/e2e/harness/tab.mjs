// A tab that has the test page open. What its page records is described in `page/tab.js`.

import { until } from "./until.mjs";

/** A page that begins to compute sooner may keep the answer to who asked it to. */
const ANSWERED_WITHIN_MS = 500;

export class Tab {
  #page;
  #pages;

  /** `busy`, `closed`, `crashed`, `elsewhere` or `suspended`: then there is nobody to ask. */
  gone;

  constructor(page, pages, { name, user, shop }) {
    this.#page = page;
    this.#pages = pages;
    this.name = name;
    this.user = user;
    this.shop = shop;
  }

  /** What `fn` returns in the page. It sees nothing of the test but `args`. */
  evaluate(fn, ...args) {
    if (this.gone) throw new Error(`the tab is ${this.gone}`);
    return this.#page.evaluate(`(${fn})(...${JSON.stringify(args)})`);
  }

  /** Waits until the tab has its state and gets events. */
  isOpen(options) {
    return until("the tab is open", async () => {
      const status = await this.status();
      if (status.state === "open") return true;
      throw new Error(JSON.stringify(status));
    }, options);
  }

  /** Waits until the tab has stopped for this reason. */
  hasStopped(reason, options) {
    return until(`the tab has stopped: ${reason}`, async () => {
      const status = await this.status();
      if (status.state === "stopped" && status.reason === reason) return true;
      throw new Error(JSON.stringify(status));
    }, options);
  }

  /** `wire.getStatus()` */
  status() {
    return this.evaluate(() => window.wire.getStatus());
  }

  /** `wire.cursor()` */
  cursor() {
    return this.evaluate(() => window.wire.cursor());
  }

  async leads() {
    return (await this.status()).role === "leader";
  }

  /** Every event delivered, in order of delivery. */
  events() {
    return this.evaluate(() => window.record.events);
  }

  /** The ids of every event delivered, in order of delivery. */
  ids() {
    return this.evaluate(() => window.record.events.map((event) => event.id));
  }

  /** Every state delivered: `[{reason, position, after}]`, where `after` counts the events before it. */
  states() {
    return this.evaluate(() => window.record.states);
  }

  /** What the page shows: `["o_1 new", …]`. */
  orders() {
    return this.evaluate(() => Array.from(document.querySelectorAll("#orders li"), (line) => line.textContent));
  }

  /** What went wrong in the eyes of the app. */
  errors() {
    return this.evaluate(() => window.record.errors);
  }

  /** The same, which the scenario wanted to go wrong: none of it is an error to the stage any more. */
  takeErrors() {
    return this.evaluate(() => window.record.errors.splice(0));
  }

  /** What nobody has caught in the page. */
  uncaught() {
    return this.evaluate(() => window.uncaught);
  }

  /** WebSockets that the page has opened, ever. */
  socketsOpened() {
    return this.evaluate(() => window.socketsOpened);
  }

  /** For each time the page was shown: whether it came out of the back-forward cache. */
  shown() {
    return this.evaluate(() => window.record.shown);
  }

  isVisible() {
    return this.evaluate(() => document.visibilityState === "visible");
  }

  /** Sends a command; resolves with the result, or with `{code, executed}` when it was rejected. */
  send(type, payload) {
    return this.evaluate(
      (type, payload) => window.wire.send(type, payload).catch(({ code, executed }) => ({ code, executed })),
      type,
      payload,
    );
  }

  /** The page loads another module of its own, as a second bundle. */
  load(path) {
    return this.evaluate((src) => new Promise((resolve, reject) => {
      const script = Object.assign(document.createElement("script"), { type: "module", src });
      script.onload = () => resolve();
      script.onerror = () => reject(new Error(`${src} could not be loaded`));
      document.head.append(script);
    }), path);
  }

  /** `wire.logout()` */
  logout() {
    return this.evaluate(() => window.wire.logout());
  }

  /** `wire.reconnect()` */
  reconnect() {
    return this.evaluate(() => window.wire.reconnect());
  }

  /** When this tab became leader the last time, by the clock that pages and tests share. */
  ledAt() {
    return this.evaluate(() => window.record.ledAt.at(-1));
  }

  /** When this tab has heard that `other` was left, by the same clock. */
  heardLeft(other) {
    return this.evaluate((name) => window.record.leftAt[name], other.name);
  }

  /** Everything there is to know when a test has failed. */
  async describe() {
    if (this.gone) return this.gone;
    return this.evaluate(() => {
      const { events, ...rest } = window.record;
      const ids = events.map((event) => event.id);
      const { visibilityState } = document;
      return { status: window.wire.getStatus(), inspect: window.wire.inspect(), visibilityState, ids, ...rest };
    });
  }

  /** As a person reloads the page. */
  async reload(options) {
    await this.#page.reload();
    await this.isOpen(options);
  }

  /** As a person goes to another site. */
  async leave() {
    await this.#page.goto(this.#pages.elsewhere);
    this.gone = "elsewhere";
  }

  /** As a person comes back from there with the browser's own button. */
  async back() {
    await this.#page.back();
    this.gone = undefined;
    await until("the page is back", () => this.evaluate(() => window.record !== undefined && window.wire !== undefined));
  }

  /** As a person brings the tab to the front. All others of its browser are hidden then. */
  async show() {
    await this.#page.show();
    await until("the tab is visible", () => this.isVisible());
  }

  /** As a person duplicates the tab: the copy has the same address but for the name, and a copy of the session storage. */
  async duplicate(name) {
    const address = new URL(await this.evaluate(() => location.href));
    address.searchParams.set("tab", name);
    const { user, shop } = this;
    return new Tab(await this.#page.duplicate(address.href), this.#pages, { name, user, shop });
  }

  /** As a person closes the tab: the page is told and may say goodbye. */
  async close() {
    await this.#page.close();
    this.gone = "closed";
  }

  /** Its process dies: the page can do nothing any more. */
  crash() {
    this.gone = "crashed";
    process.kill(this.#page.pid, "SIGKILL");
  }

  /** As a system stops a tab to save the battery, and tells nobody: no event, nothing runs, what it holds it keeps. */
  suspend() {
    this.gone = "suspended";
    process.kill(this.#page.pid, "SIGSTOP");
  }

  /** It runs again, as if no time had passed. */
  resume() {
    process.kill(this.#page.pid, "SIGCONT");
    this.gone = undefined;
  }

  /** The page computes for so long and does nothing else. */
  async compute(ms) {
    await this.evaluate((ms, name, startsInMs) => {
      setTimeout(async () => {
        await fetch(`/told?what=computing ${name}`);
        const until = performance.now() + ms;
        while (performance.now() < until);
        await fetch(`/told?what=computed ${name}`);
      }, startsInMs);
    }, ms, this.name, ANSWERED_WITHIN_MS);
    this.gone = "busy";
    await until("the page computes", () => this.#pages.told.has(`computing ${this.name}`));
  }

  /** Waits until it has computed everything. */
  async hasComputed() {
    await until("the page is done", () => this.#pages.told.has(`computed ${this.name}`), { withinMs: 60_000 });
    this.gone = undefined;
  }

  /** As the browser freezes a tab in the background to save the battery: the page hears `freeze`, then nothing runs. */
  async freeze() {
    await this.#page.freeze();
  }

  /** As the browser lets a frozen tab run again. */
  async thaw() {
    await this.#page.thaw();
  }
}
