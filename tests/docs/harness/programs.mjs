// The programs on the pages, in their languages: written to files, checked, compiled where they must be, and run.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { end, find, start } from "../../e2e/harness/processes.mjs";
import { until } from "../../e2e/harness/until.mjs";
import { ROOT, program } from "./pages.mjs";
import { folder } from "./server.mjs";

const run = promisify(execFile);
const MODULES = fileURLToPath(new URL("../node_modules", import.meta.url));
/** Where `cargo build -p tabwire-recipes` puts what it builds. */
const RECIPES = process.env.TABWIRE_RECIPES ?? fileURLToPath(new URL("../../../target/debug", import.meta.url));
/** Go's packages as Debian installs them, without modules: `golang-github-mattn-go-sqlite3-dev`. */
const GO = { GO111MODULE: "off", GOPATH: "/usr/share/gocode", GOFLAGS: "" };
const GO_DRIVER = `${GO.GOPATH}/src/github.com/mattn/go-sqlite3`;

export const LANGUAGES = {
  Node: {
    file: (name) => `${name}.mjs`,
    missing: () => undefined,
    async prepare(file, dir) {
      symlinkSync(MODULES, join(dir, "node_modules"));
      await run(process.execPath, ["--check", file]);
      return [process.execPath, file];
    },
  },
  Python: {
    file: (name) => `${name === "token" ? "make_token" : name}.py`,
    missing: () => (find("python3") ? undefined : "there is no python3"),
    prepare: async (file) => [find("python3"), file],
  },
  Go: {
    file: (name) => `${name}.go`,
    missing: () => (find("go") && existsSync(GO_DRIVER) ? undefined : "there is no go, or no SQLite for it"),
    async prepare(file, dir) {
      const env = { ...process.env, ...GO };
      const { stdout } = await run("gofmt", ["-l", file]);
      if (stdout !== "") throw new Error(`gofmt would change ${file}`);
      await run("go", ["vet", file], { env });
      await run("go", ["build", "-o", join(dir, "program"), file], { env });
      return [join(dir, "program")];
    },
  },
  Rust: {
    file: (name) => `${name}.rs`,
    // Compiled by cargo with the rest of the workspace: tests/docs/rust.
    missing: () => (find(join(RECIPES, "state")) ? undefined : `${RECIPES} has no recipes: cargo build -p tabwire-recipes`),
    async prepare(file, dir, name) {
      await run("rustfmt", ["--check", "--config-path", ROOT, "--edition", "2024", file]);
      return [join(RECIPES, name)];
    },
  },
};

/** The programs of the recipes, which are there in each language and run by `recipes.test.mjs`. */
export const PROGRAMS = {
  "docs/recipes/publishing.md": ["publish", "orders"],
  "docs/recipes/state-endpoint.md": ["state"],
  "docs/recipes/tokens.md": ["token"],
};

/** The command that runs a program of a page. */
export async function commandOf({ file, prepare }, page, name) {
  const dir = folder();
  const path = join(dir, file(name));
  writeFileSync(path, program(page, file(name)));
  return prepare(path, dir, name);
}

/** What a program prints, once it has ended well. */
export async function printed([command, ...args], env) {
  const { stdout } = await run(command, args, { env: { ...process.env, ...env }, timeout: 60_000 });
  return stdout.trim();
}

/** A program that serves, on a port of its own. */
export class Running {
  #command;
  #env;
  #process;
  #said = "";

  static async start(command, env) {
    const running = new Running();
    running.#command = command;
    const port = await freePort();
    running.#env = { ...process.env, ...env, PORT: String(port) };
    running.url = `http://127.0.0.1:${port}`;
    await running.again();
    return running;
  }

  /** Starts it, after it was killed too. */
  async again() {
    const [program, ...args] = this.#command;
    this.#process = start(program, args, { env: this.#env, stdio: ["ignore", "ignore", "pipe"] });
    this.#process.stderr.on("data", (text) => (this.#said += text));
    await until(`${program} listens`, () => this.#listens(), { withinMs: 30_000 });
  }

  get said() {
    return this.#said;
  }

  kill() {
    return end(this.#process);
  }

  async #listens() {
    if (this.#process.exitCode !== null) throw new Error(`it has ended: ${this.#said}`);
    const socket = connect(Number(new URL(this.url).port), "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    return true;
  }
}

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}
