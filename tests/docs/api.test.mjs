// The reference is what the types say: docs/api is made by `npm run api` in this folder, and committed.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { ROOT } from "./harness/pages.mjs";
import { folder } from "./harness/server.mjs";

const HERE = fileURLToPath(new URL("./", import.meta.url));

test("docs/api is what the types say", { timeout: 120_000 }, async () => {
  const made = folder();
  await promisify(execFile)("npx", ["typedoc", "--options", "api/typedoc.json", "--out", made], { cwd: HERE });
  const [is, shouldBe] = [files(join(ROOT, "docs/api")), files(made)];
  const stale = [...new Set([...is.keys(), ...shouldBe.keys()])].filter((name) => is.get(name) !== shouldBe.get(name));
  assert.deepEqual(stale, [], "run `npm run api` in tests/docs and commit what it makes");
});

function files(folder) {
  const names = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith(".md"));
  assert.ok(names.length > 3);
  return new Map(names.map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}
