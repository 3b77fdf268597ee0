// docs/getting-started.md, as a person follows it: its files, its commands, two tabs of a browser. Only where things are differs:
// the server is the one that was built for the tests, packages are installed already, ports are free ones.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { descendants, end, find, start } from "../e2e/harness/processes.mjs";
import { until } from "../e2e/harness/until.mjs";
import { blocksOf } from "./harness/pages.mjs";
import { freePort } from "./harness/programs.mjs";
import { BINARY } from "./harness/server.mjs";

const PAGE = "docs/getting-started.md";
const HERE = fileURLToPath(new URL("./", import.meta.url));
const PORTS = [8080, 3000, 5173];
const CHROMIUM = find(process.env.TABWIRE_CHROMIUM, "chromium", "chromium-browser", "google-chrome-stable", "google-chrome");
const missing = CHROMIUM ? undefined : "SKIPPED: there is no chromium";

const text = readFileSync(new URL(`../../${PAGE}`, import.meta.url), "utf8");

test("who follows the page has an app that is live in two tabs", { skip: process.env.CI !== "true" && missing, timeout: 180_000 }, async () => {
  const { here, env } = await withFreePorts();
  const blocks = blocksOf(PAGE, here);
  const [build, setUp, install, run, publish] = blocks.filter(({ language }) => language === "sh").map(({ code }) => code);
  assert.match(build, /^cargo build --release -p tabwire-server\n/); // which xtask has done, though not for release
  areInstalled(install);
  // Here and not among temporary files, so that packages are found in the folders above.
  const folder = mkdtempSync(join(HERE, ".run-"));
  const app = join(folder, "hello-tabwire");
  mkdirSync(join(folder, "clone"));
  for (const { name, code } of blocks.filter(({ name }) => name)) {
    mkdirSync(dirname(join(app, name)), { recursive: true });
    writeFileSync(join(app, name), code);
  }
  const shell = inBash([setUp, install.replace(/^npm install .*$/gm, ""), run, "wait"], join(folder, "clone"), env);
  let again;
  let browser;
  try {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
    const context = await browser.newContext();
    const address = /<(http:\S+)>/.exec(here)[1];
    const tabs = [await open(context, address, shell), await open(context, address, shell)];
    const says = () => Promise.all(tabs.map((tab) => tab.locator("p").textContent()));
    await until("one leads and one follows", async () => {
      const said = await says();
      if (said.toSorted().join("; ") !== "open, follower; open, leader") throw new Error(said.join("; "));
      return true;
    }, { withinMs: 60_000 });
    const published = inBash([publish], app, env);
    for (const tab of tabs) await tab.locator("li", { hasText: "o-1 Ada" }).waitFor({ timeout: 30_000 });
    await until("curl has ended", () => published.child.exitCode === 0);
    assert.match(published.said(), /"id":1/);
    const [first] = await says();
    const [leading, other] = first === "open, leader" ? tabs : tabs.toReversed();
    await leading.close();
    await other.locator("p", { hasText: "open, leader" }).waitFor({ timeout: 30_000 });
    // The server is stopped, an order is created, the server is started again.
    const [server] = descendants(shell.child.pid, (command) => command.startsWith("tabwire-server"));
    process.kill(server, "SIGTERM");
    await other.locator("p", { hasText: "reconnecting" }).waitFor({ timeout: 30_000 });
    const meanwhile = inBash([publish.replace("o-1", "o-2")], app, env);
    await until("curl has ended", () => meanwhile.child.exitCode === 0);
    again = inBash([setUp, "wait"], join(folder, "clone"), env);
    await other.locator("li", { hasText: "o-2 Ada" }).waitFor({ timeout: 60_000 });
    assert.equal(await other.locator("li").count(), 2);
  } catch (error) {
    throw new Error(`${error.message}\nThe commands said:\n${shell.said()}`, { cause: error });
  } finally {
    await browser?.close();
    await end(shell.child);
    if (again) await end(again.child);
    rmSync(folder, { recursive: true });
  }
});

/** The page with ports that are free, and what tells the server of its own, which is its default on the page. */
async function withFreePorts() {
  let here = text;
  for (const port of PORTS) {
    assert.ok(here.includes(`:${port}`), `${port} is on the page`);
    here = here.replaceAll(new RegExp(`\\b${port}\\b`, "g"), String(await freePort()));
  }
  const [, listen] = /listening on http:\/\/(\S+:\d+)/.exec(here);
  return { here, env: { ...process.env, PATH: `${dirname(BINARY)}:${process.env.PATH}`, TABWIRE_LISTEN: listen } };
}

/** Each package that the page installs is one of ours, so that its version is known. */
function areInstalled(commands) {
  const { devDependencies } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf8"));
  const names = [...commands.matchAll(/^npm install (.*)$/gm)].flatMap(([, args]) => args.split(" ").filter((arg) => !arg.startsWith("-")));
  assert.ok(names.includes("tabwire"));
  for (const name of names) assert.ok(name === "tabwire" || name in devDependencies, `${name} is not in tests/docs/package.json`);
}

function inBash(blocks, cwd, env) {
  // What runs in the background ends with it also when a command fails.
  const commands = ["set -e", "trap 'kill $(jobs -p) 2> /dev/null || true' EXIT", ...blocks].join("\n");
  const child = start("bash", ["-c", commands], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (text) => (said += text));
  return { child, said: () => said };
}

/** Opens the app once it is served. */
async function open(context, address, shell) {
  const tab = await context.newPage();
  await until("the app is served", async () => {
    if (shell.child.exitCode !== null) throw new Error("the commands have ended");
    await tab.goto(address);
    return true;
  }, { withinMs: 60_000 });
  return tab;
}
