// Pages whose files are run by vitest: the tests that docs/recipes/testing.md shows, and what docs/recipes/nextjs.md renders on a
// server.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { blocksOf } from "./harness/pages.mjs";

const HERE = fileURLToPath(new URL("./", import.meta.url));

const RENDERS = `
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { Orders } from "./orders";
import { Live } from "./providers";
import { POST } from "./token-route";

test("a server renders the state that it has read, and connects nowhere", () => {
  const first = { state: ["o-1"], position: { epoch: "e", lastEventId: 1 } };
  expect(renderToString(<Live user="u_101"><Orders first={first} /></Live>)).toBe("<ul><li>o-1</li></ul>");
});

test("the route answers with a token", async () => {
  process.env.JWT_SECRET = "secret";
  const [, claims] = (await (await POST()).text()).split(".");
  const read = JSON.parse(Buffer.from(claims!, "base64url").toString());
  expect(read).toMatchObject({ sub: "u_101", shopId: "s_1", modules: ["orders"] });
});
`;

test("the tests of docs/recipes/testing.md pass", { timeout: 120_000 }, async () => {
  assert.equal(await passed("docs/recipes/testing.md"), 3);
});

test("the files of docs/recipes/nextjs.md render on a server", { timeout: 120_000 }, async () => {
  assert.equal(await passed("docs/recipes/nextjs.md", { "render.test.tsx": RENDERS }), 2);
});

/** Runs the named files of a page, and `more`; says how many tests passed. Fails when one failed. */
async function passed(page, more = {}) {
  const folder = mkdtempSync(join(HERE, ".run-"));
  try {
    const own = blocksOf(page).filter(({ name }) => name).map(({ name, code }) => [name, code]);
    const config = { "tsconfig.json": JSON.stringify({ compilerOptions: { jsx: "react-jsx" } }) };
    for (const [name, code] of [...own, ...Object.entries({ ...config, ...more })]) writeFileSync(join(folder, name), code);
    const { stdout } = await promisify(execFile)("npx", ["vitest", "run", "--root", folder, "--reporter=json"], { cwd: HERE });
    return JSON.parse(stdout).numPassedTests;
  } finally {
    rmSync(folder, { recursive: true });
  }
}
