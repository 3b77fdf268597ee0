// @vitest-environment node
// What the types and the README say of options and sizes.
import { readdirSync, readFileSync } from "node:fs";
import ts from "typescript";
import { expect, test } from "vitest";

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

interface Option {
  of: string;
  name: string;
  isOptional: boolean;
  text: string;
  hasDefault: boolean;
}

/** What every `…Options` interface of the package says of its options. */
const options = readdirSync(new URL("../src", import.meta.url)).flatMap((file): Option[] => {
  const source = ts.createSourceFile(file, read(`src/${file}`), ts.ScriptTarget.Latest, true);
  return source.statements
    .filter(ts.isInterfaceDeclaration)
    .filter(({ name }) => name.text.endsWith("Options") && !file.startsWith("wasm"))
    .flatMap(({ name, members }) =>
      members.filter(ts.isPropertySignature).map((member) => ({
        of: `${file}: ${name.text}`,
        name: member.name.getText(),
        isOptional: !!member.questionToken,
        text: ts.getJSDocCommentsAndTags(member).map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? "").join(""),
        hasDefault: ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "default"),
      })),
    );
});

test("there are the options of every entry", () => {
  expect(options.length).toBeGreaterThan(20);
  expect(new Set(options.map(({ of }) => of.split(":")[0]))).toEqual(new Set(["live-state.ts", "redux.ts", "testing.ts", "types.ts", "zustand.ts"]));
});

test.each(options)("$of says what $name is, and its default if it may be left out", ({ text, isOptional, hasDefault }) => {
  expect(text).not.toBe("");
  expect(hasDefault).toBe(isOptional);
});

test("the README's table has every option of createTabwire", () => {
  const table = read("README.md").split("\n## Options\n")[1]!.split("\n\n**")[0]!;
  const rows = [...table.matchAll(/^\| `(\w+)/gm)].map(([, name]) => name);
  const known = options.filter(({ of }) => of === "types.ts: TabwireOptions").map(({ name }) => name);
  expect(rows.toSorted()).toEqual(known.toSorted());
});

test("the README's sizes are what .size-limit.mjs holds the entries to", async () => {
  const limits = (await import(new URL("../.size-limit.mjs", import.meta.url).href)).default as { name: string; limit: string }[];
  const table = read("README.md").split("\n## Entries\n")[1]!.split("\n\nTypes")[0]!;
  const rows = [...table.matchAll(/^\| `(tabwire[/\w]*)` .* \| (\+?)([\d.]+) KB/gm)].map(([, entry, plus, size]) => [`${entry}${plus ? ", added" : ""}`, size]);
  const entries = limits.filter(({ name }) => /^tabwire\b/.test(name));
  expect(rows).toEqual(entries.map(({ name, limit }) => [name, (Number.parseInt(limit) / 1000).toFixed(1)]));
});
