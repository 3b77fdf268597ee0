// What can be known of a shell block without running it: it is bash, and the programs of this project have the commands and
// flags that it names.

import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { ROOT } from "./pages.mjs";
import { BINARY } from "./server.mjs";

const XTASK = process.env.TABWIRE_XTASK ?? fileURLToPath(new URL("../../../target/debug/xtask", import.meta.url));
const { scripts } = JSON.parse(readFileSync(`${ROOT}npm/package.json`, "utf8"));

/** What is wrong with a block, if anything. */
export function wrongInShell(code) {
  const { status, stderr } = spawnSync("bash", ["-n"], { input: code, encoding: "utf8" });
  if (status !== 0) return [stderr.trim()];
  return statements(code).flatMap(wrongInStatement);
}

/** A line each, with what was continued joined, comments and what is quoted left out. */
function statements(code) {
  const joined = code.replaceAll(/\\\n\s*/g, " ");
  const plain = joined.replaceAll(/'[^']*'/g, "''").replaceAll(/"[^"]*"/g, '""').replaceAll(/(^|\s)#.*$/gm, "");
  return plain.split(/\n|&&|\|\||[;|&]/).map((line) => line.trim()).filter(Boolean);
}

function wrongInStatement(statement) {
  const words = statement.split(/\s+/).filter((word) => !/^\w+=/.test(word));
  const at = words.findIndex((word) => ["tabwire-server", "cargo", "npm", "npx"].includes(word.split("/").at(-1)));
  if (at === -1) return [];
  const [program, ...args] = [words[at].split("/").at(-1), ...words.slice(at + 1)];
  if (program === "tabwire-server") return unknown(flagsIn(args), serverHelp(), statement);
  if (program === "cargo" && args[0] === "xtask") return wrongInXtask(args.slice(1), statement);
  if (program === "cargo") return packagesOf(args).filter((name) => !crates().has(name)).map((name) => `${statement}: there is no crate ${name}`);
  if (program === "npm" && args[0] === "run") return args[1] in scripts ? [] : [`${statement}: npm/package.json has no script ${args[1]}`];
  return [];
}

function wrongInXtask([command, ...args], statement) {
  if (command === undefined) return [];
  if (!commands(help(XTASK, "--help")).has(command)) return [`${statement}: there is no command ${command}`];
  const text = help(XTASK, command, "--help");
  const values = new Set([...text.matchAll(/^\s+- ([\w-]+):/gm)].map(([, value]) => value));
  const names = values.size > 0 ? args.filter((arg) => /^[a-z][\w-]*$/.test(arg) && !values.has(arg)) : [];
  return [...unknown(flagsIn(args), text, statement), ...names.map((name) => `${statement}: ${command} has no ${name}`)];
}

function unknown(flags, text, statement) {
  return flags.filter((flag) => !new RegExp(`(^|[\\s,])${flag}(?![\\w-])`, "m").test(text)).map((flag) => `${statement}: there is no ${flag}`);
}

function flagsIn(args) {
  return args.map((arg) => arg.split("=")[0]).filter((arg) => /^--[a-z]/.test(arg));
}

function packagesOf(args) {
  return args.flatMap((arg, index) => (arg === "-p" || arg === "--package" ? [args[index + 1]] : []));
}

function commands(text) {
  return new Set([...text.matchAll(/^ {2}([a-z][\w-]*) {2,}/gm)].map(([, name]) => name));
}

function serverHelp() {
  return help(BINARY, "--help");
}

const helps = new Map();

function help(program, ...args) {
  const key = [program, ...args].join(" ");
  if (!existsSync(program)) throw new Error(`there is no ${program}: build it first`);
  if (!helps.has(key)) helps.set(key, execFileSync(program, args, { encoding: "utf8" }));
  return helps.get(key);
}

function crates() {
  const manifests = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*Cargo.toml"], { cwd: ROOT, encoding: "utf8" });
  const names = manifests.split("\n").filter(Boolean).map((file) => /^name = "(.*)"$/m.exec(readFileSync(ROOT + file, "utf8"))?.[1]);
  return new Set(names.filter(Boolean));
}
