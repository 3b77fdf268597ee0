#!/usr/bin/env node
// `npx tabwire types events.config.json`: the command line. What is written is in types.mjs.

import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { ConfigError, typesOf } from "./types.mjs";

const USAGE = `Usage: tabwire types <events.config.json> [-o <file>] [--payloads <module>] [--register]

Writes the type maps Events and Commands for createTabwire<Events, Commands>(), from the file the server reads.

  -o, --output <file>   Where to. Default: standard output. With --payloads take a .ts: what is wrong in a .d.ts
                        goes unseen where skipLibCheck is on.
  --payloads <module>   Import payload types from this module, relative to the output: order_created is OrderCreated.
                        Default: payloads are unknown until you augment the interface Payloads.
  --register            Tell every entry of tabwire of them, the React hooks too.`;

let config = "";
try {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      output: { type: "string", short: "o" },
      payloads: { type: "string" },
      register: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [command, file, ...more] = positionals;
  config = file ?? "";
  if (values.help) console.log(USAGE);
  else if (command !== "types" || !config || more.length) fail(USAGE);
  else write(values.output, typesOf(readFileSync(config, "utf8"), values));
} catch (error) {
  if (error instanceof ConfigError) fail(`tabwire types: ${config}: ${error.message}`);
  if (error.code === "ENOENT") fail(`tabwire types: there is no ${error.path}`);
  // What the system says of a file: a folder, no permission, a full disk.
  if (error.syscall) fail(`tabwire types: ${error.path ?? config}: ${error.message}`);
  if (error.code?.startsWith("ERR_PARSE_ARGS")) fail(`${error.message}\n\n${USAGE}`);
  throw error;
}

function write(output, text) {
  if (output === undefined) process.stdout.write(text);
  else writeFileSync(output, text);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
