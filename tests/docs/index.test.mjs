// docs/README.md leads to every page.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

import { ROOT, pages } from "./harness/pages.mjs";

const INDEX = "docs/README.md";
/** Reached by their own index. */
const IN_PART = /^docs\/api\/./;

test("the index of the documentation names every page once", () => {
  const text = readFileSync(ROOT + INDEX, "utf8");
  const linked = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, path]) => join(dirname(INDEX), path));
  const wanted = pages().filter((page) => page.startsWith("docs/") && page !== INDEX && (!IN_PART.test(page) || page === "docs/api/README.md"));
  assert.deepEqual(wanted.filter((page) => !linked.includes(page)), []);
  assert.deepEqual(linked.filter((page, n) => linked.indexOf(page) !== n), []);
});
