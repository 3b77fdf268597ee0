// What publint and are-the-types-wrong say of the package as it would be published. Silent when there is nothing.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
if (!existsSync("dist")) fail("there is no dist: run `cargo xtask test npm`, or `npm run build`");

// Packed apart from the one that lies here: attw's own `--pack` would leave none.
const folder = mkdtempSync(join(tmpdir(), "tabwire-pack-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
run("npm", ["pack", "--pack-destination", folder]);
const tarball = join(folder, readdirSync(folder)[0]);
run("node_modules/.bin/publint", [tarball, "--strict"]);
// ESM only, on purpose: `require` of it is for Node 20.19 and later. The wasm has no types.
run("node_modules/.bin/attw", [tarball, "--profile", "esm-only", "--exclude-entrypoints", "./tabwire.wasm", "--quiet"]);

function run(tool, args) {
  const { status, stdout, stderr, error } = spawnSync(tool, args, { encoding: "utf8" });
  if (status !== 0) fail(`${tool} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}${error ?? ""}`);
}

function fail(message) {
  console.error(`check-package: ${message}`);
  process.exit(1);
}
