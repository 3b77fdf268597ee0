// @vitest-environment node
// What `tabwire types` writes, as tsc takes it.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeEach, expect, test, vi } from "vitest";
import { tscErrors } from "./tsc.js";

vi.setConfig({ testTimeout: 120_000 }); // tsc takes seconds, on a busy machine many

const package_ = fileURLToPath(new URL("..", import.meta.url));
const folders: string[] = [];
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(package_, "node_modules", ".cli-test-"));
  folders.push(folder);
});
afterAll(() => folders.forEach((path) => rmSync(path, { recursive: true })));

const CONFIG = {
  order_created: "orders",
  order_updated: { module: "orders", from: "client" },
  "chat.message": { module: "chat", from: "client", via: "webhook" },
};

function tabwire(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(package_, "bin/tabwire.mjs"), ...args], { cwd: folder, encoding: "utf8" });
  return { status, stdout, stderr };
}

function types(config: unknown, ...args: string[]) {
  writeFileSync(join(folder, "events.config.json"), typeof config === "string" ? config : JSON.stringify(config));
  return tabwire("types", "events.config.json", ...args);
}

/** What tsc says of an app beside what was written. */
function check(app: string, more: Record<string, string> = {}): string {
  for (const [name, text] of Object.entries({ "app.ts": app, ...more })) writeFileSync(join(folder, name), text);
  return tscErrors(folder, ["app.ts"]);
}

test("payloads are unknown until the app says what they are", () => {
  expect(types(CONFIG, "-o", "events.d.ts")).toEqual({ status: 0, stdout: "", stderr: "" });
  const app = `
    import type { Tabwire } from "tabwire";
    import type { Commands, Events, Modules } from "./events";
    declare module "./events" {
      interface Payloads { order_created: { orderId: string } }
    }
    declare const wire: Tabwire<Events, Commands>;
    wire.on("order_created", ({ payload }) => payload.orderId.length);
    wire.on("chat.message", ({ payload }) => {
      // @ts-expect-error: unknown
      payload.text;
    });
    void wire.send("chat.message", { text: "hola" });
    // @ts-expect-error: not for clients
    void wire.send("order_created", { orderId: "a" });
    // @ts-expect-error: no such type
    wire.on("order_deleted", () => {});
    const orders: Modules["orders"] = "order_updated";
    // @ts-expect-error: of another module
    const chat: Modules["chat"] = "order_updated";
  `;
  expect(check(app)).toBe("");
});

test("with --payloads they are taken from a module, and one that lacks is an error of tsc", () => {
  types(CONFIG, "-o", "events.ts", "--payloads", "./payloads");
  const app = `
    import type { Tabwire } from "tabwire";
    import type { Commands, Events } from "./events";
    declare const wire: Tabwire<Events, Commands>;
    wire.on("chat.message", ({ payload }) => payload.text.length);
    // @ts-expect-error: the wrong payload
    void wire.send("order_updated", { orderId: 5 });
  `;
  const payloads = "export interface OrderCreated { orderId: string }\nexport interface OrderUpdated { orderId: string }\n";
  expect(check(app, { "payloads.ts": `${payloads}export interface ChatMessage { text: string }` })).toBe("");
  expect(check(app, { "payloads.ts": payloads })).toContain("ChatMessage");
});

test("with --register every entry knows them", () => {
  types(CONFIG, "-o", "events.ts", "--register");
  const app = `
    import "./events";
    import { createTabwire } from "tabwire";
    const wire = createTabwire({ url: "/ws", user: "u_1", getToken: () => null });
    wire.on("order_created", () => {});
    // @ts-expect-error: no such type
    wire.on("order_deleted", () => {});
  `;
  expect(check(app)).toBe("");
});

test("without -o they go to standard output", () => {
  expect(types({}).stdout).toContain("export type Events = {\n};");
});

// What is wrong in a configuration, and how it is said: configs.test.ts.
test.each([
  [{ a: {} }, 'tabwire types: events.config.json: entry "a": "module" is missing\n'],
  ['{\n  "a": "orders",\n}', "tabwire types: events.config.json: it must be a JSON object of event types: a name in quotation marks expected at line 3 column 1\n"],
  ["", "tabwire types: events.config.json: it must be a JSON object of event types: a value expected at line 1 column 1\n"],
])("what is wrong in the file is said, with the file and the place, and nothing is written: %j", (config, stderr) => {
  expect(types(config, "-o", "events.ts")).toEqual({ status: 1, stdout: "", stderr });
  expect(existsSync(join(folder, "events.ts"))).toBe(false);
});

test("two types whose payloads would have one name are an error", () => {
  expect(types({ order_created: "m", "order.created": "m" }, "--payloads", "./p").stderr).toMatch(/entry "order.created": its payload would be OrderCreated/);
});

test("a wrong call says how it is called", () => {
  expect(tabwire()).toMatchObject({ status: 1, stderr: expect.stringMatching(/^Usage: tabwire types/) });
  expect(tabwire("types")).toMatchObject({ status: 1, stderr: expect.stringMatching(/^Usage: tabwire types/) });
  expect(tabwire("type", "a.json").stderr).toMatch(/^Usage: tabwire types/);
  expect(tabwire("types", "a.json", "b.json").stderr).toMatch(/^Usage: tabwire types/);
  expect(tabwire("types", "a.json", "--wrong").stderr).toMatch(/--wrong[^]*Usage/);
  expect(tabwire("--help")).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Usage: tabwire types/), stderr: "" });
});

test("a file that cannot be read or written is named, with why", () => {
  expect(tabwire("types", "nowhere.json")).toEqual({ status: 1, stdout: "", stderr: "tabwire types: there is no nowhere.json\n" });
  expect(tabwire("types", ".")).toEqual({ status: 1, stdout: "", stderr: "tabwire types: .: EISDIR: illegal operation on a directory, read\n" });
  expect(types(CONFIG, "-o", "no/such/events.ts")).toEqual({ status: 1, stdout: "", stderr: "tabwire types: there is no no/such/events.ts\n" });
});

test("installed from the tarball, `npx tabwire types` writes the types", () => {
  const npm = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
    expect(status, `npm ${args.join(" ")}\n${stderr}`).toBe(0);
    return stdout;
  };
  npm("pack", package_, "--pack-destination", folder);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"))!;
  writeFileSync(join(folder, "package.json"), '{ "name": "app", "private": true }');
  // Nothing is downloaded: it has no dependencies, and its peers are optional.
  npm("install", "--offline", "--no-audit", "--no-fund", `./${tarball}`);
  const bin = join(folder, "node_modules/.bin/tabwire");
  expect(statSync(bin).mode & 0o111).toBe(0o111);
  expect(readFileSync(bin, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  writeFileSync(join(folder, "events.config.json"), JSON.stringify(CONFIG));
  const written = npm("exec", "--offline", "--", "tabwire", "types", "events.config.json");
  expect(written).toBe(types(CONFIG).stdout);
  expect(written).toContain("export type Commands = {");
});
