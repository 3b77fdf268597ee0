// Every block of code on every Markdown page is run or checked. What is to be done with a block is said here once, by its
// language; a block of a language that is not here fails.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { test } from "node:test";

import Database from "better-sqlite3";
import { parse } from "parse5";

import { LANGUAGES, PROGRAMS } from "./harness/programs.mjs";
import { ROOT, allBlocks, blocksOf, place } from "./harness/pages.mjs";
import { wrongInShell } from "./harness/shell.mjs";
import { errorsIn } from "./harness/typescript.mjs";

/** Pages whose programs a test runs, all of them. It takes them out of the page, so it names it. */
const RUN_BY = {
  "docs/WEBHOOK.md": "server/tests/it/webhook.rs",
  "docs/getting-started.md": "tests/docs/getting-started.test.mjs",
  ...Object.fromEntries(Object.keys(PROGRAMS).map((page) => [page, "tests/docs/recipes.test.mjs"])),
};

/** For each language: what is wrong with the blocks of it, as lines that name the place. */
const RULES = {
  ts: errorsIn,
  tsx: () => [], // with `ts`: they import each other
  js: each(isRun),
  python: each(isRun),
  go: each(isRun),
  rust: each((block) => isRun(block) ?? isCompiled(block)),
  "rust,no_run": each(isDocTest),
  toml: each(isToml),
  sh: each(({ code }) => wrongInShell(code).join("\n") || undefined),
  json: each(isJson),
  sql: perPage(isSql),
  html: each(isHtml),
  text: () => [], // what a program prints, or a drawing
};

const blocks = allBlocks();

test("there is a rule for every block", () => {
  assert.ok(blocks.length > 60, "the pages are found");
  assert.deepEqual(blocks.filter(({ language }) => !(language in RULES)).map(place), []);
});

for (const [language, rule] of Object.entries(RULES)) {
  test(`each block of ${language} is right`, { timeout: 120_000 }, () => {
    const own = blocks.filter((block) => block.language === language || (language === "ts" && block.language === "tsx"));
    assert.deepEqual(rule(own), []);
  });
}

test("a wrong block of each language is found out", { timeout: 120_000 }, () => {
  const wrong = {
    ts: 'import { createTabwire } from "tabwire";\ncreateTabwire({ url: "/ws" });\n',
    js: "const answer = 42;\n",
    python: "print(42)\n",
    go: "package main\n",
    rust: "fn main() {}\n",
    "rust,no_run": "fn main() {}\n",
    toml: "a = = 1\n",
    sh: "tabwire-server --no-such-flag\n",
    json: "{a: 1}\n",
    sql: "SELECT * FROM nothing;\n",
    html: "<p></b>\n",
  };
  for (const [language, code] of Object.entries(wrong)) {
    const [block] = blocksOf("docs/no-such-page.md", `\`\`\`${language}\n${code}\`\`\`\n`);
    assert.equal(RULES[language]([block]).length > 0, true, `${language}: ${code}`);
  }
  const [unknown] = blocksOf("docs/recipes/tokens.md", "```go\n// other.go\npackage main\n```\n");
  assert.match(RULES.go([unknown])[0], /no test runs it/);
  for (const code of ["if then\n", "cargo xtask no-such-command\n", "cargo xtask test no-such-part\n", "cargo run -p no-such-crate\n"]) {
    assert.notDeepEqual(wrongInShell(code), [], code);
  }
});

function each(wrong) {
  return (blocks) => blocks.flatMap((block) => {
    const found = wrong(block);
    return found === undefined ? [] : [`${place(block)}: ${found}`];
  });
}

function perPage(wrong) {
  return (blocks) => [...new Set(blocks.map(({ page }) => page))].flatMap((page) => {
    const found = wrong(blocks.filter((block) => block.page === page).map(({ code }) => code).join(""));
    return found === undefined ? [] : [`${page}: ${found}`];
  });
}

/** A program is not only looked at: there is a test that runs it. */
function isRun({ page, name, language }) {
  const by = RUN_BY[page];
  if (!by) return "no test runs it: see RUN_BY";
  if (!readFileSync(ROOT + by, "utf8").includes(page)) return `${by} does not name the page`;
  if (by.endsWith(".rs")) {
    const alike = blocks.filter((block) => block.page === page && block.language === language);
    return alike.length === 1 ? undefined : `${by} runs the first of its language only`;
  }
  if (!name) return "a program begins with its name";
  const known = PROGRAMS[page]?.flatMap((program) => Object.values(LANGUAGES).map(({ file }) => file(program)));
  return !known || known.includes(name) ? undefined : `no test runs it: ${by} knows ${known.join(", ")}`;
}

function isCompiled({ name }) {
  return existsSync(`${ROOT}tests/docs/rust/src/bin/${name}`) ? undefined : `tests/docs/rust has no bin ${name}`;
}

/** A crate has the page as documentation, whose examples `cargo test --doc` compiles. */
function isDocTest({ page }) {
  const crate = "client-wasm/src/lib.rs";
  const isIncluded = readFileSync(ROOT + crate, "utf8").includes(`include_str!("../../${page}")`);
  return isIncluded ? undefined : `${crate} does not include the page`;
}

function isToml({ code }) {
  const { status, stderr } = spawnSync("python3", ["-c", "import sys, tomllib; tomllib.loads(sys.stdin.read())"], { input: code, encoding: "utf8" });
  return status === 0 ? undefined : stderr.trim().split("\n").at(-1);
}

/** One value; on the page of the protocol one in each line. */
function isJson({ info, code }) {
  try {
    for (const value of info ? code.trim().split("\n") : [code]) JSON.parse(value);
  } catch ({ message }) {
    return message;
  }
}

function isSql(code) {
  const database = new Database(":memory:");
  try {
    database.exec(code);
  } catch ({ message }) {
    return message;
  } finally {
    database.close();
  }
}

function isHtml({ code }) {
  const errors = [];
  parse(code, { onParseError: ({ code, startLine }) => errors.push(`line ${startLine}: ${code}`) });
  return errors.join("; ") || undefined;
}
