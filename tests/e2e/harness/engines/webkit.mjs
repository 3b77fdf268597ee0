// WebKitGTK over plain WebDriver: its small browser, on a screen that nobody sees.

import { once } from "node:events";
import { createServer } from "node:net";

import { descendants, end, find, line, start } from "../processes.mjs";
import { until } from "../until.mjs";

export const name = "webkit";
export const cannot = {
  crash: "WebKitWebDriver ends its session when the process of a page dies",
  freeze: "WebKit has no event `freeze`",
};

export const keepsPages = true;
export const hiddenTimersMs = 900;

const DRIVER = find(process.env.TABWIRE_WEBKIT_DRIVER, "WebKitWebDriver");
const SCREEN = find("Xvfb");
// Windows of a screen without a window manager, so there is nobody who would mind.
const SIZE = { x: 0, y: 0, width: 800, height: 600 };

// Safari has it on, WebKitGTK not: timers of a hidden tab get slower with time.
const FEATURES = "--features=+HiddenPageDOMTimerThrottlingAutoIncreases";
// No setting makes these constructors throw here; but they can be missing.
const WITHOUT_STORAGE = `${FEATURES},-LocalStorage,-BroadcastChannel`;

export function missing() {
  if (!DRIVER) return "there is no WebKitWebDriver";
  return SCREEN ? undefined : "there is no Xvfb";
}

export async function launch({ blocksStorage = false } = {}) {
  const screen = start(SCREEN, ["-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const [display] = await line(screen, screen.stdout, /^\d+$/);
  const port = await freePort();
  const env = { ...process.env, DISPLAY: `:${display}` };
  const driver = start(DRIVER, [`--port=${port}`], { stdio: "ignore", env });
  // A page may open another one although nobody has clicked.
  const args = ["--automation", "--javascript-can-open-windows-automatically=true", blocksStorage ? WITHOUT_STORAGE : FEATURES];
  const capabilities = { alwaysMatch: { "webkitgtk:browserOptions": { args } } };
  const address = `http://127.0.0.1:${port}`;
  const { sessionId } = await until("the driver makes a session", () => ask("POST", `${address}/session`, { capabilities }));
  return new Profile(screen, driver, new Session(`${address}/session/${sessionId}`));
}

class Profile {
  #screen;
  #driver;
  #session;
  #opening = Promise.resolve();
  #hasOpened = false;

  constructor(screen, driver, session) {
    this.#screen = screen;
    this.#driver = driver;
    this.#session = session;
  }

  open(url) {
    // One at a time: which process is new is only known while nothing else opens.
    const opened = this.#opening.then(() => this.#open(url));
    this.#opening = opened.catch(() => {});
    return opened;
  }

  get pid() {
    return this.#driver.pid;
  }

  async close() {
    await end(this.#driver);
    await end(this.#screen);
  }

  async #open(url) {
    const before = new Set(this.#hasOpened ? this.#processes() : []);
    const window = await this.#session.window(!this.#hasOpened);
    this.#hasOpened = true;
    const page = new Page(this.#session, window);
    await page.show();
    await page.goto(url);
    page.pid = this.#processes().find((pid) => !before.has(pid));
    return page;
  }

  #processes() {
    return descendants(this.#driver.pid, (command) => command.includes("WebKitWebProcess"));
  }
}

class Page {
  #session;
  #window;

  pid;

  constructor(session, window) {
    this.#session = session;
    this.#window = window;
  }

  async evaluate(source) {
    const first = await this.#execute(`
      const settled = (window.e2eSettled ??= []);
      const promise = ${source};
      if (typeof promise?.then !== "function") return { json: JSON.stringify(promise) };
      const number = settled.push(undefined) - 1;
      promise.then(
        (value) => (settled[number] = { json: JSON.stringify(value) }),
        (error) => (settled[number] = { error: String(error) }),
      );
      return { number };`);
    // The driver does one thing at a time, so a promise must not keep it.
    const { json, error } = first.number === undefined ? first : await this.#settled(first.number);
    if (error) throw new Error(error);
    return json ? JSON.parse(json) : undefined;
  }

  goto(url) {
    return this.#ask("POST", "/url", { url });
  }

  reload() {
    return this.#ask("POST", "/refresh", {});
  }

  back() {
    return this.#ask("POST", "/back", {});
  }

  show() {
    return this.#session.show(this.#window);
  }

  async duplicate(url) {
    const before = await this.#ask("GET", "/window/handles");
    await this.evaluate(`void window.open(${JSON.stringify(url)})`);
    const opened = async () => (await this.#ask("GET", "/window/handles")).find((window) => !before.includes(window));
    return new Page(this.#session, await until("the new tab is there", opened));
  }

  close() {
    return this.#session.close(this.#window);
  }

  async #settled(number) {
    for (;;) {
      const settled = await this.#execute(`return window.e2eSettled[${number}]`);
      if (settled) return settled;
    }
  }

  #execute(script) {
    return this.#ask("POST", "/execute/sync", { script, args: [] });
  }

  #ask(method, path, body) {
    return this.#session.ask(this.#window, method, path, body);
  }
}

/** A driver has one current window, so commands to several of them take turns. */
class Session {
  #address;
  #turn = Promise.resolve();
  #front;

  constructor(address) {
    this.#address = address;
  }

  /** A new window, or the one that is there from the start. */
  async window(first) {
    if (first) return ask("GET", `${this.#address}/window`);
    return this.#takeTurns(async () => (await ask("POST", `${this.#address}/window/new`, { type: "window" })).handle);
  }

  ask(window, method, path, body) {
    return this.#takeTurns(() => this.#to(window, method, path, body));
  }

  /** Tabs of the small browser cannot be switched from outside, but a window can be made small, which hides its page. */
  show(window) {
    return this.#takeTurns(async () => {
      if (this.#front === window) return;
      if (this.#front) await this.#to(this.#front, "POST", "/window/minimize", {});
      await this.#to(window, "POST", "/window/rect", SIZE);
      this.#front = window;
    });
  }

  close(window) {
    return this.#takeTurns(async () => {
      await this.#to(window, "DELETE", "/window");
      if (this.#front === window) this.#front = undefined;
    });
  }

  async #to(window, method, path, body) {
    await ask("POST", `${this.#address}/window`, { handle: window });
    return ask(method, this.#address + path, body);
  }

  #takeTurns(act) {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => {});
    return done;
  }
}

async function ask(method, url, body) {
  const response = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}
