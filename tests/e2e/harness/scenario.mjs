// A scenario: a test with a server, a browser profile and perhaps a network of its own.

import { after, test } from "node:test";

import { Tab, launch, launchWithBackground } from "./browser.mjs";
import { Pages } from "./pages.mjs";
import { Proxy } from "./proxy.mjs";
import { Server } from "./server.mjs";
import { until } from "./until.mjs";

const SHOP = "s_1";
const USER = "u_101";

/** One browser for the scenarios of a file; each has a profile of its own. */
let browser;
after(() => browser?.close());

/**
 * Declares a test named `sentence`. `play` gets the stage. Options: `flags` for the server's command line; `network`
 * puts a proxy between browser and server, at `stage.network`; `background`: tabs can be frozen.
 */
export function scenario(sentence, { flags, network = false, background = false } = {}, play) {
  test(sentence, { timeout: 120_000 }, async (test) => {
    const stage = new Stage(test);
    try {
      await stage.build({ flags, network, background });
      await play(stage);
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
  #devices = [];
  #tabs = [];

  shop = SHOP;

  constructor(test) {
    this.#test = test;
  }

  async build({ flags, network, background }) {
    this.server = await Server.start({ flags });
    if (network) this.network = await Proxy.start(this.server.port);
    this.pages = await Pages.start(this.server);
    await (background ? this.#deviceWithBackground() : this.device());
  }

  /** Another browser profile, as on another computer. Scenarios that don't ask for one have one. */
  async device() {
    browser ??= await launch();
    const context = await browser.newContext();
    this.#devices.push({ context, close: () => context.close() });
    return context;
  }

  /** Opens a tab and waits until it is open. `offNetwork`: it reaches the server without `stage.network`. */
  async tab({ withinMs, ...options } = {}) {
    const tab = await this.tabAsItComes(options);
    await tab.isOpen({ withinMs });
    return tab;
  }

  /** Opens a tab that may never get anywhere. */
  async tabAsItComes({ user = USER, shop = this.shop, device = this.#devices[0].context, offNetwork = false } = {}) {
    const { port } = (!offNetwork && this.network) || this.server;
    const query = new URLSearchParams({ user, shop, server: `ws://127.0.0.1:${port}/ws` });
    const tab = await Tab.open(device, `${this.pages.url}/?${query}`);
    this.#tabs.push(tab);
    return tab;
  }

  /** Opens tabs of one user one after the other: the first leads. */
  async tabs(count, options) {
    const tabs = [];
    while (tabs.length < count) tabs.push(await this.tab(options));
    return tabs;
  }

  /** Publishes an order as the app's back end would; returns its `{id, epoch}`. */
  order(orderId, { shop = this.shop, ...scope } = {}) {
    return this.server.publish(orderCreated(orderId, { shopId: shop, ...scope }));
  }

  /** Publishes `count` orders in one call; returns their ids. */
  async orders(prefix, count) {
    const orders = Array.from({ length: count }, (_, n) => orderCreated(`${prefix}${n}`, { shopId: this.shop }));
    return (await this.server.publish(orders)).map(({ id }) => id);
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
  leader(tabs) {
    return until("exactly one tab leads", async () => {
      const leading = await Promise.all(tabs.map((tab) => tab.leads()));
      return leading.filter(Boolean).length === 1 && tabs[leading.indexOf(true)];
    });
  }

  /** Waits until the server has `count` sockets, by its list of sessions and by its own count of connections. */
  async sockets(count) {
    await until(`the server has ${count} sockets`, async () => {
      const listed = (await this.server.sessions(this.shop)).length;
      const open = await this.server.metric("tabwire_connections");
      return (listed === count && open === count) || fail(`${listed} sessions, ${open} connections`);
    });
  }

  /** A figure for whoever reads the output; nothing depends on it. */
  tell(figure) {
    this.#test.diagnostic(figure);
  }

  /** No tab has told its app of an error. */
  async noErrors() {
    for (const tab of this.#tabs) {
      const errors = await tab.errors().catch(() => []); // a tab that was closed has nothing to say
      if (errors.length > 0) throw new Error(`the app was told of errors: ${errors.join("; ")}`);
    }
  }

  async explain() {
    for (const [number, tab] of this.#tabs.entries()) {
      const seen = await tab.describe().catch(({ message }) => message);
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

  async #deviceWithBackground() {
    this.#devices.push(await launchWithBackground());
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
