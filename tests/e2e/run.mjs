// Runs the scenarios: `node run.mjs` the short ones on Chromium, `node run.mjs --all` also the long ones, on every
// engine. `--engine firefox` picks engines, and names of files pick scenarios. What takeovers took is printed at the end.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

import { NAMES, load } from "./harness/engines/index.mjs";
import { read } from "./harness/notes.mjs";

// Much of a scenario is waiting.
const FILES_AT_A_TIME = availableParallelism() + 3;
const SCENARIOS = ["scenarios/", "scenarios/long/"].map((folder) => fileURLToPath(new URL(folder, import.meta.url)));

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { all: { type: "boolean", default: false }, engine: { type: "string", multiple: true } },
});
const engines = values.engine ?? (values.all ? NAMES : ["chromium"]);
const files = positionals.length > 0 ? positionals : SCENARIOS.slice(0, values.all ? 2 : 1).flatMap(testsIn);

const folder = mkdtempSync(join(tmpdir(), "tabwire-e2e-"));
const notes = join(folder, "notes");
writeFileSync(notes, "");
const failed = [];
const absent = [];
for (const engine of engines) {
  const missing = (await load(engine)).missing();
  if (missing) absent.push(`${engine}: ${missing}`);
  else if (!(await passes(engine))) failed.push(engine);
}
report(read(notes));
rmSync(folder, { recursive: true });
// Elsewhere a developer may do without an engine; where it counts, none is left out unseen.
process.exitCode = failed.length > 0 || (absent.length > 0 && process.env.CI === "true") ? 1 : 0;

async function passes(engine) {
  console.log(`\n── ${engine}`);
  const args = ["--test", `--test-concurrency=${FILES_AT_A_TIME}`, "--test-reporter=spec", ...files];
  const env = { ...process.env, TABWIRE_ENGINE: engine, TABWIRE_LONG: String(values.all), TABWIRE_E2E_NOTES: notes };
  const [code] = await once(spawn(process.execPath, args, { stdio: "inherit", env }), "exit");
  return code === 0;
}

function testsIn(folder) {
  return readdirSync(folder).filter((file) => file.endsWith(".test.mjs")).map((file) => join(folder, file));
}

function report(told) {
  const skipped = told.filter((note) => note.skipped).map(({ engine, skipped, because }) => `${engine}: ${skipped}: ${because}`);
  for (const [title, lines] of [
    ["SKIPPED, because the engine cannot do it", skipped],
    ["NOT RUN, because this machine lacks an engine", absent],
    ["FAILED on", failed],
  ]) {
    if (lines.length > 0) console.log(`\n── ${title}\n${lines.join("\n")}`);
  }
  const takeovers = told.filter((note) => note.takeover);
  if (takeovers.length > 0) console.log(`\n── takeover: ms from the leader's end to a follower leading, median (and how many)\n${table(takeovers)}`);
}

/** A line for each way a leader ended, a column for each engine. */
function table(takeovers) {
  const ways = [...new Set(takeovers.map(({ takeover }) => takeover))];
  const seen = NAMES.filter((name) => takeovers.some(({ engine }) => engine === name));
  const cell = (way, name) => {
    const all = takeovers.filter(({ engine, takeover }) => engine === name && takeover === way).map(({ ms }) => ms);
    return all.length > 0 ? `${median(all).toFixed(0)} (${all.length})` : "-";
  };
  const rows = [["", ...seen], ...ways.map((way) => [way, ...seen.map((name) => cell(way, name))])];
  const first = Math.max(...rows.map(([way]) => way.length));
  return rows.map(([way, ...cells]) => way.padEnd(first) + cells.map((text) => text.padStart(14)).join("")).join("\n");
}

function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)];
}
