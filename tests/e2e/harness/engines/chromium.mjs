// Chromium, started as a person starts it: automation's own flags would keep every tab in the foreground, and the
// back-forward cache and the throttling of hidden tabs off.

import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { descendants, end, find, line, start } from "../processes.mjs";

export const name = "chromium";
export const cannot = {};
export const keepsPages = true;
// Once a minute, so at least half of it must have been seen.
export const hiddenTimersMs = 30_000;

const EXECUTABLE = find(process.env.TABWIRE_CHROMIUM, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome");

// The flags of the browser that runs the client's own tests.
const capabilities = JSON.parse(await readFile(new URL("../../../../xtask/webdriver.json", import.meta.url), "utf8"));
const FLAGS = capabilities["goog:chromeOptions"].args;

export function missing() {
  return EXECUTABLE ? undefined : "there is no chromium";
}

export async function launch({ blocksStorage = false, hurries = false } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "tabwire-e2e-"));
  if (blocksStorage) await blockCookies(folder);
  // Hidden tabs are woken once a minute after five minutes; with the feature after ten seconds.
  const features = hurries ? ["--enable-features=IntensiveWakeUpThrottling:grace_period_seconds/10"] : [];
  // A renderer kept in reserve would hide which one a tab gets.
  const flags = [...FLAGS, ...features, "--disable-features=SpareRendererForSitePerProcess", "--remote-debugging-port=0", `--user-data-dir=${folder}`];
  const browser = start(EXECUTABLE, [...flags, "about:blank"], { stdio: ["ignore", "ignore", "pipe"] });
  const [, address] = await line(browser, browser.stderr, /^DevTools listening on (\S+)$/);
  return new Profile(folder, browser, await chromium.connectOverCDP(address, { noDefaults: true }));
}

/** A browser with Playwright's own ways, for a test that needs its locators more than tabs that can be hidden. */
export function launchForPlaywright() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

class Profile {
  #folder;
  #process;
  #browser;
  #opening = Promise.resolve();

  constructor(folder, process, browser) {
    this.#folder = folder;
    this.#process = process;
    this.#browser = browser;
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
    await end(this.#process);
    await this.#browser.close();
    await rm(this.#folder, { recursive: true, maxRetries: 5, retryDelay: 100 });
  }

  async #open(url) {
    const before = new Set(this.#renderers());
    const page = await this.#browser.contexts()[0].newPage();
    await page.goto(url);
    return new Page(page, this.#renderers().find((pid) => !before.has(pid)));
  }

  #renderers() {
    return descendants(this.#process.pid, (command) => command.includes("--type=renderer"));
  }
}

class Page {
  #page;

  constructor(page, pid) {
    this.#page = page;
    this.pid = pid;
  }

  evaluate(source) {
    return this.#page.evaluate(source);
  }

  async goto(url) {
    await this.#page.goto(url);
  }

  async reload() {
    await this.#page.reload();
  }

  async back() {
    // Playwright's own waits for a load, and a page that comes out of the back-forward cache is not loaded. Going at once would
    // take the answer away with the page.
    await this.#page.evaluate("void setTimeout(() => history.back())");
  }

  async show() {
    await this.#page.bringToFront();
  }

  async duplicate(url) {
    const opened = this.#page.context().waitForEvent("page");
    await this.#page.evaluate(`void window.open(${JSON.stringify(url)})`);
    return new Page(await opened);
  }

  async close() {
    await this.#page.close();
  }

  async freeze() {
    await this.#lifecycle("frozen");
  }

  async thaw() {
    await this.#lifecycle("active");
  }

  /** A session of the DevTools protocol with this page, for what only Chromium can. */
  devTools() {
    return this.#page.context().newCDPSession(this.#page);
  }

  async #lifecycle(state) {
    const session = await this.devTools();
    await session.send("Page.setWebLifecycleState", { state });
    await session.detach();
  }
}

/** As a person does in the settings: sites may not keep anything. */
async function blockCookies(folder) {
  await mkdir(join(folder, "Default"));
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  await writeFile(join(folder, "Default", "Preferences"), JSON.stringify(preferences));
}
