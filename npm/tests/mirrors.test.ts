// @vitest-environment node
// Two lists are said by number between Rust and TypeScript: this one's order must be that one's.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { COUNTERS } from "../src/inspect.js";
import { LINES } from "../src/log.js";

const rust = (path: string) => readFileSync(new URL(`../../client-wasm/src/${path}`, import.meta.url), "utf8");
const between = (text: string, start: string, end: string) => text.split(start)[1]!.split(end)[0]!;
const io = rust("core/io.rs");

test("every line of the machine's log has its words", () => {
  const codes = [...between(io, "pub enum Log {", "\n}").matchAll(/ = (\d+),/g)].map(([, code]) => Number(code));
  expect(codes).toEqual(LINES.map((_, index) => index + 1));
});

test("every counter of the machine has its name", () => {
  const camel = (name: string) => name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
  const names = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map(([, name]) => camel(name!));
  expect(names(between(io, "pub struct Counters {", "\n}"), /pub (\w+): u64/g)).toEqual(COUNTERS);
  const written = between(rust("browser/client.rs"), "fn write_counters", "\n}");
  expect(names(written, /counters\.(\w+),/g)).toEqual(COUNTERS);
});
