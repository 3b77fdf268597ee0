// A scenario: a test with a server, a browser profile and perhaps a network of its own, on the engine of this run.

import { test } from "node:test";

import { engine } from "./engines/index.mjs";
import { note } from "./notes.mjs";
import { Pages } from "./pages.mjs";
import { signalTree } from "./processes.mjs";
import { Proxy } from "./proxy.mjs";
import { Server } from "./server.mjs";
import { Tab } from "./tab.mjs";
import { until } from "./until.mjs";

const SHOP = "s_1";
const USER = "u_101";
const LONG = process.env.TABWIRE_LONG === "true";
const DESCRIBED_WITHIN_MS = 5_000;

/**
 * Declares a test named `sentence`. `play` gets the stage. Options: `flags` for the server's command line; `network`
 * puts a proxy between browser and server, at `stage.network`; `browser`: how the engine launches it; `needs`: what the
 * engine must be able to do, else it is skipped and says why; `long`: only with `npm test -- --all`; `handOver`: the
 * client's option, `never` where a scenario relies on the first tab to lead although it is hidden.
 */
export function scenario(sentence, { flags, network = false, browser = {}, needs = [], long = false, handOver } = {}, play) {
  const name = `${engine.name}: ${sentence}`;
  if (long && !LONG) return;
  const lack = needs.map((need) => engine.cannot[need]).find(Boolean);
  if (lack) {
    note({ engine: engine.name, skipped: sentence, because: lack });
    test(name, { skip: lack }, () => {});
    return;
  }
  test(name, { timeout: 180_000 }, async (test) => {
    const stage = new Stage(test);
    try {
      await stage.build({ flags, network, browser, handOver });
      await play(stage);
      await stage.nothingMissingOrDoubled();
      await stage.noErrors();
    } catch (error) {
      await stage.explain();
      throw error;
    } finally {
      await stage.strike();
    }
  });
}

class Stage {
  #test;
  #how;
  #handOver;
  #devices = [];
  #tabs = [];
  /** Events that only some users may see: by shop and id, who. */
  #addressed = new Map();

  shop = SHOP;

  constructor(test) {
    this.#test = test;
  }

  async build({ flags, network, browser, handOver }) {
    this.#how = browser;
    this.#handOver = handOver;
    this.server = await Server.start({ flags });
    if (network) this.network = await Proxy.start(this.server.port);
    this.pages = await Pages.start(this.server);
    await this.device();
  }

  /** Another browser profile, as on another computer. Scenarios that don't ask for one have one. */
  async device() {
    const device = await engine.launch(this.#how);
    this.#devices.push(device);
    return device;
  }

  /** Opens a tab and waits until it is open. `offNetwork`: it reaches the server without `stage.network`. */
  async tab({ withinMs, ...options } = {}) {
    const tab = await this.tabAsItComes(options);
    await tab.isOpen({ withinMs });
    return tab;
  }

  /** Opens a tab that may never get anywhere. `without`: what its browser has not, see `page/before.js`. */
  async tabAsItComes({ user = USER, shop = this.shop, device = this.#devices[0], offNetwork = false, without = [] } = {}) {
    const { port } = (!offNetwork && this.network) || this.server;
    const name = String(this.#tabs.length);
    const query = new URLSearchParams({ tab: name, user, shop, server: `ws://127.0.0.1:${port}/ws` });
    if (this.#handOver) query.set("handOver", this.#handOver);
    for (const what of without) query.append("without", what);
    // Its place is taken before it is there: several may open at once.
    const place = this.#tabs.push(undefined) - 1;
    const tab = new Tab(await device.open(`${this.pages.url}/?${query}`), this.pages, { name, user, shop });
    this.#tabs[place] = tab;
    return tab;
  }

  /** Opens tabs of one user one after the other. The last is in front; the first leads if the scenario says `never`. */
  async tabs(count, options) {
    const tabs = [];
    while (tabs.length < count) tabs.push(await this.tab(options));
    return tabs;
  }

  /** Opens a copy of a tab, and waits until it is open. */
  async duplicate(tab) {
    const copy = await tab.duplicate(String(this.#tabs.length));
    this.#tabs.push(copy);
    await copy.isOpen();
    return copy;
  }

  /** As a person closes the lid: nothing runs any more on this device, and the network forgets it. */
  sleep(device = this.#devices[0]) {
    signalTree(device.pid, "SIGSTOP");
    this.network.swallow({ up: true, down: true });
  }

  /** As a person opens the lid. What was connected is dead, and nobody has said so. */
  wake(device = this.#devices[0]) {
    signalTree(device.pid, "SIGCONT");
  }

  /** Publishes an order as the app's back end would; returns its `{id, epoch}`. */
  async order(orderId, { shop = this.shop, ...scope } = {}) {
    const published = await this.server.publish(orderCreated(orderId, { shopId: shop, ...scope }));
    if (scope.userIds) this.#addressed.set(`${shop} ${published.id}`, scope.userIds);
    return published;
  }

  /** Publishes `count` orders in one call; returns their ids. */
  async orders(prefix, count) {
    const orders = Array.from({ length: count }, (_, n) => orderCreated(`${prefix}${n}`, { shopId: this.shop }));
    return (await this.server.publish(orders)).map(({ id }) => id);
  }

  /** Publishes `count` orders, each after the one before it was accepted; returns their ids. */
  async ordersOneByOne(prefix, count) {
    const ids = [];
    while (ids.length < count) ids.push((await this.order(`${prefix}${ids.length}`)).id);
    return ids;
  }

  /** Waits until `tab` has delivered exactly `ids`, in this order: none missing, none twice. */
  async delivered(tab, ids, options) {
    const wanted = ranges(ids);
    await until(`exactly these events, in order: ${wanted}`, async () => {
      const got = ranges(await tab.ids());
      return got === wanted || fail(got || "none");
    }, options);
  }

  /** Waits until exactly one of `tabs` leads, and returns it. */
  leader(tabs, options) {
    return until("exactly one tab leads", async () => {
      const leading = await Promise.all(tabs.map((tab) => tab.leads()));
      return leading.filter(Boolean).length === 1 && tabs[leading.indexOf(true)];
    }, options);
  }

  /** Waits until `tab` leads and no other of `tabs`. */
  async leads(tab, tabs) {
    await until(`tab ${tab.name} leads`, async () => (await this.leader(tabs)) === tab);
  }

  /** Waits until the server has `count` sockets, by its list of sessions and by its own count of connections. */
  async sockets(count, options) {
    await until(`the server has ${count} sockets`, async () => {
      const listed = (await this.server.sessions(this.shop)).length;
      const open = await this.server.metric("tabwire_connections");
      return (listed === count && open === count) || fail(`${listed} sessions, ${open} connections`);
    }, options);
  }

  /** Milliseconds by the clock that pages have too. */
  now() {
    return performance.timeOrigin + performance.now();
  }

  /** A figure for whoever reads the output; nothing depends on it. */
  tell(figure) {
    this.#test.diagnostic(figure);
  }

  /**
   * Tells how long it took from the end of `leader` until `tab` led. `how` names the end in the table. A page that was
   * left has said when; otherwise it counts from `since`, when the end was ordered.
   */
  async tookOver(how, { leader, since, tab }) {
    const ms = (await tab.ledAt()) - ((await tab.heardLeft(leader)) ?? since);
    this.tell(`${how}: a follower led after ${ms.toFixed(1)} ms`);
    note({ engine: engine.name, takeover: how, ms });
  }

  /** Every tab has had every event of its time, in order and once, or a new state in their place. */
  async nothingMissingOrDoubled() {
    for (const tab of this.#tabs) {
      if (tab && !tab.gone) await until(`tab ${tab.name} has had everything`, () => this.#hasHadEverything(tab));
    }
  }

  /** No tab has told its app of an error. */
  async noErrors() {
    for (const tab of this.#tabs) {
      const errors = tab && !tab.gone ? await tab.errors() : [];
      if (errors.length > 0) throw new Error(`the app was told of errors: ${errors.join("; ")}`);
    }
  }

  async explain() {
    for (const [number, tab] of this.#tabs.entries()) {
      const late = new Promise((resolve) => setTimeout(resolve, DESCRIBED_WITHIN_MS, "it does not answer").unref());
      const seen = await Promise.race([tab?.describe(), late]).catch(({ message }) => message);
      console.error(`tab ${number}: ${JSON.stringify(seen)}`);
    }
    console.error(`server:\n${this.server?.log}`);
  }

  async strike() {
    for (const device of this.#devices) await device.close();
    this.network?.close();
    this.pages?.close();
    await this.server?.kill();
  }

  async #hasHadEverything(tab) {
    const [{ state }, states, ids] = await Promise.all([tab.status(), tab.states(), tab.ids()]);
    const now = await this.server.position(tab.shop);
    for (const [number, { position, after }] of states.entries()) {
      const isLast = number === states.length - 1;
      const got = ids.slice(after, states[number + 1]?.after);
      // Before a new state anything may be missing at the end; a tab that has stopped gets nothing more.
      const goesOn = isLast && state === "open" && position.epoch === now.epoch;
      const to = goesOn ? now.head : (got.at(-1) ?? position.lastEventId);
      const wanted = ranges(this.#visible(tab, position.lastEventId + 1, to));
      if (ranges(got) !== wanted) fail(`after ${position.lastEventId}: ${ranges(got) || "none"} instead of ${wanted || "none"}`);
    }
    return states.length > 0 || ids.length === 0 || fail(`${ranges(ids)} without a state`);
  }

  /** The ids from `first` to `last` that the user of `tab` may see. */
  #visible(tab, first, last) {
    const ids = Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
    return ids.filter((id) => this.#addressed.get(`${tab.shop} ${id}`)?.includes(tab.user) ?? true);
  }
}

function orderCreated(orderId, scope) {
  return { type: "order_created", scope, payload: { orderId, customer: "Ana", item: "pan", total: 3 } };
}

/** `[1, 2, 3, 7, 7]` as "1-3 7 7": the same text only for the same ids in the same order. */
function ranges(ids) {
  const runs = [];
  for (const id of ids) {
    const run = runs.at(-1);
    if (run && id === run.to + 1) run.to = id;
    else runs.push({ from: id, to: id });
  }
  return runs.map(({ from, to }) => (from === to ? `${from}` : `${from}-${to}`)).join(" ");
}

function fail(message) {
  throw new Error(message);
}
