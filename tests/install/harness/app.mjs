// An app as a stranger makes it: a copy of one of ours in a new folder, outside of the repository, and `npm install` of the
// packed package beside what the app names itself.

import assert from "node:assert/strict";
import { once } from "node:events";
import { cpSync, mkdtempSync, readFileSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { end, start } from "../../e2e/harness/processes.mjs";
import { until } from "../../e2e/harness/until.mjs";

const APPS = fileURLToPath(new URL("../apps/", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../../../npm/", import.meta.url));
const TARBALL = process.env.TABWIRE_TARBALL ?? join(PACKAGE, `tabwire-${json(join(PACKAGE, "package.json")).version}.tgz`);
/** A bundler that has printed nothing of use by then never will. */
const ANSWERS_WITHIN_MS = 90_000;
/** Words of complaint, and the codes that Rollup and Rolldown begin theirs with: [MODULE_LEVEL_DIRECTIVE]. */
const COMPLAINT = /warn|error|deprecat|⚠|fail|ignor|may not|\[[A-Za-z]+(_[A-Za-z]+)+\]/i;
/** What Vite's proxy says when a tab with a WebSocket is closed, if the browser is quick. */
const TAB_CLOSED = /^.*\[vite\] ws proxy (socket )?error:\n.*(ECONNRESET|EPIPE).*\n(\s+at .*\n)*/gm;

export class App {
  #root;
  #name;
  #served = [];
  /** What the tools of this app have printed since `install`. */
  printed = "";

  /** Copies `apps/<name>` and what apps share, and installs. */
  static async install(name) {
    const app = new App();
    app.#name = name;
    // Some bundlers compare real paths with given ones.
    app.#root = realpathSync(mkdtempSync(join(tmpdir(), "tabwire-install-")));
    try {
      await app.#install();
      return app;
    } catch (error) {
      await app.remove();
      throw error;
    }
  }

  get folder() {
    return join(this.#root, this.#name);
  }

  /** Where the copy and its neighbour `shared` are. */
  get root() {
    return this.#root;
  }

  /** Runs a tool that the app has installed, to its end. */
  async run(tool, args, env) {
    await this.#run(join(this.folder, "node_modules/.bin", tool), args, env);
  }

  /** Starts such a tool as a server, on a port that is put in the place of `PORT`, and returns its address once it answers. */
  async serve(tool, args, env) {
    const port = await freePort();
    const child = this.#start(join(this.folder, "node_modules/.bin", tool), args.map((arg) => arg.replace("PORT", port)), env);
    this.#served.push(child);
    const url = `http://localhost:${port}`;
    await until(`${tool} answers`, async () => ended(child) || (await fetch(url)), { withinMs: ANSWERS_WITHIN_MS });
    assert(!ended(child), `${tool} ended:\n${this.printed}`);
    return url;
  }

  /** Fails when a tool had anything to say that a person would have to look into. */
  hasPrintedNoComplaint() {
    const complaints = this.printed.replace(TAB_CLOSED, "").split("\n").filter((line) => COMPLAINT.test(line));
    assert.deepEqual(complaints, [], `of all that was printed:\n${this.printed}`);
  }

  /** A file of the app. */
  read(name) {
    return readFileSync(join(this.folder, name), "utf8");
  }

  /** Changes a file of the app as an editor does. */
  edit(name, change) {
    const before = this.read(name);
    const after = change(before);
    assert.notEqual(after, before, `${name} was to be changed`);
    writeFileSync(join(this.folder, name), after);
  }

  /** How many of the files that the app is made of, below `built`, have the module embedded. */
  copiesOfTheModule(built) {
    const start = embedded(join(this.folder, "node_modules/tabwire/dist/shared"));
    const files = readdirSync(join(this.folder, built), { recursive: true }).filter((name) => /\.m?js$/.test(name));
    assert(files.length > 0, `there is no JavaScript in ${built}`);
    return files.reduce((sum, name) => sum + this.read(join(built, name)).split(start).length - 1, 0);
  }

  /** Ends the servers, so that the next one of the same app is alone. */
  async stop() {
    await Promise.all(this.#served.splice(0).map(end));
    this.printed = "";
  }

  async remove() {
    await this.stop();
    rmSync(this.#root, { recursive: true, maxRetries: 5, retryDelay: 100 });
  }

  async #install() {
    for (const folder of [this.#name, "shared"]) cpSync(join(APPS, folder), join(this.#root, folder), { recursive: true });
    // What npm has already it takes from its cache, so that a second run is quick.
    await this.#run("npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", "--loglevel=warn", TARBALL]);
    const ofUs = this.printed.split("\n").filter((line) => line.includes("tabwire@"));
    assert.deepEqual(ofUs, [], "what npm has to say of the package");
    this.printed = "";
  }

  async #run(command, args, env) {
    const child = this.#start(command, args, env);
    const [code] = await once(child, "close");
    assert.equal(code, 0, `\`${command} ${args.join(" ")}\` failed:\n${this.printed}`);
  }

  #start(command, args, env = {}) {
    const child = start(command, args, { cwd: this.folder, env: { ...environment(), ...env }, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (this.printed += data));
    return child;
  }
}

/** That of a person at a terminal: without what `npm test` says of the package that it runs, and without CI's ways. */
function environment() {
  const kept = Object.entries(process.env).filter(([name]) => !/^npm_|^(CI|NODE_ENV|NODE_OPTIONS|NODE_TEST_CONTEXT|INIT_CWD)$/i.test(name));
  return { ...Object.fromEntries(kept), NO_COLOR: "1", NEXT_TELEMETRY_DISABLED: "1" };
}

/** How the embedded module begins: enough to know it by, whichever quotes a bundler puts around it. */
function embedded(folder) {
  const texts = readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8"));
  const found = texts.map((text) => /"([\w+/]{200})[\w+/]{20000,}=*"/.exec(text)?.[1]).filter(Boolean);
  assert.equal(found.length, 1, "the package has one file with the module");
  return found[0];
}

function ended(child) {
  return child.exitCode !== null || child.signalCode !== null;
}

async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return String(port);
}

function json(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}
