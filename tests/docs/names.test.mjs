// What pages name in passing exists: codes, reasons and metrics in the sources, flags in what the programs say of themselves.
// Commands are looked at in blocks.test.mjs; environment variables and links by the server's tests.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { ROOT, pages } from "./harness/pages.mjs";
import { BINARY } from "./harness/server.mjs";

const SOURCES = ["npm/src", "npm/bin", "server/src", "protocol/src", "docs/openapi.json", "tests/faults/src", "xtask/src"];
/** Of other programs, or of an example. */
const OTHERS = new Set([
  "pg_try_advisory_lock", // PostgreSQL
  "proxy_http_version", "proxy_set_header", "proxy_read_timeout", "proxy_buffering", "client_max_body_size", "proxy_add_x_forwarded_for", "http_host", // nginx
  "new_local", // Leptos
  "payment_received", // the protocol's example of a type that clients may not send
]);
const OTHERS_FLAGS = new Set(["--help", "--workspace", "--engine"]); // of all, of cargo, of tests/e2e

const spans = pages()
  .filter((page) => page !== "npm/CHANGELOG.md")
  .flatMap((page) => spansOf(readFileSync(ROOT + page, "utf8")).map((span) => ({ page, span })));
const sources = execFileSync("git", ["grep", "-h", "", "--", ...SOURCES], { cwd: ROOT, encoding: "utf8", maxBuffer: 1 << 28 });
const words = new Set(sources.match(/[A-Za-z_][A-Za-z0-9_]*/g));

test("every name in snake_case is in the sources", () => {
  const named = spans.flatMap(({ page, span }) => (span.match(/(?<![\w.\/-])[a-z]+(?:_[a-z]+)+(?![\w\/]|\.\w)/g) ?? []).map((name) => ({ page, name })));
  assert.ok(named.length > 50);
  assert.deepEqual(named.filter(({ name }) => !words.has(name) && !OTHERS.has(name) && !isMetric(name)), []);
});

test("every flag is one of a program of ours", () => {
  const server = execFileSync(BINARY, ["--help"], { encoding: "utf8" });
  const ours = new Set([...server.matchAll(/--[a-z][\w-]*/g), ...sources.matchAll(/--[a-z][\w-]*/g)].map(([flag]) => flag));
  // What xtask and the simulator take is declared by the names of fields.
  const isField = (flag) => new RegExp(`\\b${flag.slice(2).replaceAll("-", "_")}: `).test(sources);
  const named = spans.flatMap(({ page, span }) => (span.match(/(?<!\S)--[a-z][\w-]*/g) ?? []).map((flag) => ({ page, flag })));
  assert.ok(named.length > 50);
  assert.deepEqual(named.filter(({ flag }) => !ours.has(flag) && !isField(flag) && !OTHERS_FLAGS.has(flag)), []);
});

/** What stands in backticks outside of blocks. */
function spansOf(text) {
  const prose = text.replaceAll(/^\s*(`{3,})[^\n]*\n[\s\S]*?^\s*\1\s*$/gm, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span);
}

/** The server's library puts `tabwire_` before a metric's name and `_total` behind a counter's. */
function isMetric(name) {
  return name.startsWith("tabwire_") && words.has(name.slice("tabwire_".length).replace(/_total$/, ""));
}
