// `node run.mjs` installs what most people have, Vite; `node run.mjs --all` every app. Names of files pick scenarios.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const SCENARIOS = ["scenarios/", "scenarios/long/"].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));
/** Much of a scenario is npm, waiting for the disk; bundlers take all cores by themselves. */
const FILES_AT_A_TIME = 2;

const { values, positionals } = parseArgs({ allowPositionals: true, options: { all: { type: "boolean", default: false } } });
const files = positionals.length > 0 ? positionals : SCENARIOS.slice(0, values.all ? 2 : 1).flatMap(testsIn);
const args = ["--test", `--test-concurrency=${FILES_AT_A_TIME}`, "--test-reporter=spec", ...files];
const [code] = await once(spawn(process.execPath, args, { stdio: "inherit" }), "exit");
process.exitCode = code ?? 1;

function testsIn(folder) {
  return readdirSync(folder).filter((file) => file.endsWith(".test.mjs")).map((file) => join(folder, file));
}
