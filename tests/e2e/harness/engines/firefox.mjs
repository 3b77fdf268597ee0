// Firefox over WebDriver BiDi, which it speaks itself.

import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import WebSocket from "ws";

import { descendants, end, find, line, start } from "../processes.mjs";
import { until } from "../until.mjs";

export const name = "firefox";
export const cannot = { freeze: "Firefox has no event `freeze`" };
// It decides before the page is told that it is left, and a page that holds or awaits a lock is not kept.
export const keepsPages = false;
export const hiddenTimersMs = 900;

const EXECUTABLE = find(process.env.TABWIRE_FIREFOX, "firefox-esr", "firefox");

const PREFERENCES = {
  // A process for each tab, and none in reserve, so that it is known which one a tab is in.
  "dom.ipc.processCount.webIsolated": 100,
  "dom.ipc.processPrelaunch.enabled": false,
  // A page may open another one although nobody has clicked.
  "dom.disable_open_during_load": false,
};
const NO_COOKIES = { "network.cookie.cookieBehavior": 2 };

export function missing() {
  return EXECUTABLE ? undefined : "there is no firefox-esr";
}

export async function launch({ blocksStorage = false } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "tabwire-e2e-"));
  const preferences = { ...PREFERENCES, ...(blocksStorage && NO_COOKIES) };
  const lines = Object.entries(preferences).map((pair) => `user_pref(${pair.map((value) => JSON.stringify(value)).join(", ")});`);
  await writeFile(join(folder, "user.js"), lines.join("\n"));
  const flags = ["--headless", "--no-remote", "--profile", folder, "--remote-debugging-port=0", "about:blank"];
  const env = { ...process.env, MOZ_CRASHREPORTER_DISABLE: "1" };
  const browser = start(EXECUTABLE, flags, { stdio: ["ignore", "ignore", "pipe"], env });
  const [, address] = await line(browser, browser.stderr, /^WebDriver BiDi listening on (\S+)$/);
  const driver = await Driver.connect(`${address}/session`);
  await driver.ask("session.new", { capabilities: {} });
  return new Profile(folder, browser, driver);
}

class Profile {
  #folder;
  #process;
  #driver;
  #opening = Promise.resolve();

  constructor(folder, process, driver) {
    this.#folder = folder;
    this.#process = process;
    this.#driver = driver;
  }

  open(url) {
    // One at a time: which process is new is only known while nothing else opens.
    const opened = this.#opening.then(() => this.#open(url));
    this.#opening = opened.catch(() => {});
    return opened;
  }

  get pid() {
    return this.#process.pid;
  }

  async close() {
    this.#driver.close();
    await end(this.#process);
    await rm(this.#folder, { recursive: true, maxRetries: 5, retryDelay: 100 });
  }

  async #open(url) {
    const before = new Set(descendants(this.#process.pid));
    const { context } = await this.#driver.ask("browsingContext.create", { type: "tab" });
    const page = new Page(this.#driver, context);
    await page.goto(url);
    page.pid = descendants(this.#process.pid).find((pid) => !before.has(pid));
    return page;
  }
}

class Page {
  #driver;
  #context;

  pid;

  constructor(driver, context) {
    this.#driver = driver;
    this.#context = context;
  }

  async evaluate(source) {
    const { type, result, exceptionDetails } = await this.#ask("script.evaluate", {
      expression: `(async () => JSON.stringify(await ${source}))()`,
      target: { context: this.#context },
      awaitPromise: true,
    });
    if (type === "exception") throw new Error(exceptionDetails.text);
    return result.value && JSON.parse(result.value);
  }

  goto(url) {
    return this.#ask("browsingContext.navigate", { url, wait: "complete" });
  }

  reload() {
    return this.#ask("browsingContext.reload", { wait: "complete" });
  }

  back() {
    return this.#ask("browsingContext.traverseHistory", { delta: -1 });
  }

  show() {
    return this.#ask("browsingContext.activate");
  }

  async duplicate(url) {
    await this.evaluate(`void window.open(${JSON.stringify(url)})`);
    const opened = async () => {
      const { contexts } = await this.#driver.ask("browsingContext.getTree", { maxDepth: 0 });
      return contexts.find(({ originalOpener }) => originalOpener === this.#context);
    };
    const { context } = await until("the new tab is there", opened);
    return new Page(this.#driver, context);
  }

  close() {
    return this.#ask("browsingContext.close");
  }

  #ask(method, params) {
    return this.#driver.ask(method, { context: this.#context, ...params });
  }
}

/** A connection that answers commands. */
class Driver {
  #socket;
  #last = 0;
  #waiting = new Map();

  static async connect(address) {
    const driver = new Driver();
    driver.#socket = new WebSocket(address);
    driver.#socket.on("message", (data) => driver.#answered(JSON.parse(data)));
    driver.#socket.on("close", () => driver.#ended());
    await once(driver.#socket, "open");
    return driver;
  }

  ask(method, params) {
    const id = (this.#last += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }), (error) => error && reject(error));
    });
  }

  close() {
    this.#socket.terminate();
  }

  #answered({ id, type, result, error, message }) {
    const { resolve, reject } = this.#waiting.get(id) ?? {};
    if (!resolve) return; // an event
    this.#waiting.delete(id);
    if (type === "error") reject(new Error(`${error}: ${message}`));
    else resolve(result);
  }

  #ended() {
    for (const { reject } of this.#waiting.values()) reject(new Error("the browser has gone"));
    this.#waiting.clear();
  }
}
