// What a run tells besides passed and failed. Scenarios run in processes of their own, so it is kept in a file that
// `run.mjs` names and reads at the end.

import { appendFileSync, readFileSync } from "node:fs";

const FILE = process.env.TABWIRE_E2E_NOTES;

export function note(what) {
  if (FILE) appendFileSync(FILE, `${JSON.stringify(what)}\n`);
}

export function read(file) {
  return readFileSync(file, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line));
}
