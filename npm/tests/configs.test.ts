// @vitest-environment node
// The examples of server/src/types_examples.txt, as the server's own test reads them: one idea of what a configuration is.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Entry {
  type: string;
  module: string;
  fromClient: boolean;
  viaWebhook: boolean;
}

// Not typed: it is what `npx` runs.
const { entriesOf } = (await import(new URL("../bin/types.mjs", import.meta.url).href)) as { entriesOf: (json: string) => Entry[] };

const examples = readFileSync(new URL("../../server/src/types_examples.txt", import.meta.url), "utf8")
  .split("\n\n")
  .slice(1)
  .map((example) => /^([^]*)\n([=!?]) ?(.*)\n?$/.exec(example)!.slice(1) as [text: string, sign: string, outcome: string]);

test("there are examples of everything", () => {
  expect(examples.length).toBeGreaterThan(40);
  expect(new Set(examples.map(([, sign]) => sign))).toEqual(new Set(["=", "!", "?"]));
});

test.each(examples)("%s %s %s", (text, sign, outcome) => {
  if (sign === "=") return expect(entriesOf(text).map(inWords).join(", ")).toBe(outcome);
  const message = sign === "!" ? outcome : new RegExp(`^it must be a JSON object of event types(: .+ at line ${outcome} column \\d+)?$`);
  expect(() => entriesOf(text)).toThrow(expect.objectContaining({ message: typeof message === "string" ? message : expect.stringMatching(message) }));
});

function inWords({ type, module, fromClient, viaWebhook }: Entry): string {
  return [type, module, ...(fromClient ? ["client"] : []), ...(viaWebhook ? ["webhook"] : [])].join(" ");
}
