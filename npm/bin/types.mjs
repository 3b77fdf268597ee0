// The type maps of an `events.config.json`. Accepts what the server accepts (server/src/types.rs) and refuses what it refuses, in
// its words: server/src/types_examples.txt holds both to it.

import { Fields, JsonError, readJson } from "./json.mjs";

/** What is wrong with the file; the message names the entry. */
export class ConfigError extends Error {}

const NAME = /^[A-Za-z0-9_.:@-]{1,128}$/;
const NO_NAME = "a name is 1 to 128 of A-Z a-z 0-9 _ . : @ -";
const FIELDS = ["module", "from", "via"];

/** The TypeScript for a configuration: `payloads` is the module that payload types are imported from, if any. */
export function typesOf(json, { payloads, register = false } = {}) {
  const entries = entriesOf(json);
  const commands = entries.filter(({ fromClient }) => fromClient);
  const modules = byModule(entries);
  const parts = [
    "// Written by `tabwire types` from the server's events.config.json. Do not edit: run it again.",
    payloads === undefined ? open() : imported(entries, payloads),
    map("What the server sends, by event type.", "Events", entries, payloads),
    map("What clients may send, by event type.", "Commands", commands, payloads),
    `/** The event types of each module. */\nexport type Modules = {\n${[...modules]
      .map(([module, types]) => `  ${key(module)}: ${types.map(({ type }) => JSON.stringify(type)).join(" | ")};\n`)
      .join("")}};`,
  ];
  if (register) {
    parts.push('declare module "tabwire" {\n  interface Register {\n    events: Events;\n    commands: Commands;\n  }\n}');
    // A file without an import of it would declare the module instead of augmenting it.
    parts.splice(1, 0, 'import type {} from "tabwire";');
  }
  return `${parts.join("\n\n")}\n`;
}

function open() {
  return `/**
 * Say what the payloads are, wherever you like:
 *
 * \`\`\`ts
 * declare module "./this-file" {
 *   interface Payloads { order_created: { orderId: string } }
 * }
 * \`\`\`
 */
export interface Payloads {}

type PayloadOf<Type extends string> = Type extends keyof Payloads ? Payloads[Type] : unknown;`;
}

function imported(entries, from) {
  const byName = new Map();
  for (const { type } of entries) {
    const other = byName.get(payloadName(type));
    if (other !== undefined) throw entryError(type, `its payload would be ${payloadName(type)}, as that of ${JSON.stringify(other)}: rename one`);
    byName.set(payloadName(type), type);
  }
  const names = [...byName.keys()].sort();
  return names.length ? `import type { ${names.join(", ")} } from ${JSON.stringify(from)};` : "";
}

function map(doc, name, entries, payloads) {
  const lines = entries.map(({ type }) => `  ${key(type)}: ${payloads === undefined ? `PayloadOf<${JSON.stringify(type)}>` : payloadName(type)};\n`);
  return `/** ${doc} */\nexport type ${name} = {\n${lines.join("")}};`;
}

/** `order_created` as a type's name: `OrderCreated`. */
function payloadName(type) {
  const words = type.split(/[^A-Za-z0-9]+/).filter(Boolean);
  const name = words.map((word) => word[0].toUpperCase() + word.slice(1)).join("");
  return /^[A-Za-z]/.test(name) ? name : `Event${name}`;
}

function key(name) {
  return /^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name);
}

/** Every type with its module, and what clients may do with it. */
export function entriesOf(json) {
  const seen = new Set();
  return read(json).list.map(([type, value]) => {
    if (!NAME.test(type)) throw entryError(type, `its name: ${NO_NAME}`);
    const entry = { type, ...rule(type, value) };
    if (seen.has(type)) throw entryError(type, "it is there twice");
    seen.add(type);
    return entry;
  });
}

function read(json) {
  const wanted = "it must be a JSON object of event types";
  try {
    const config = readJson(json);
    if (config instanceof Fields) return config;
  } catch (error) {
    if (error instanceof JsonError) throw new ConfigError(`${wanted}: ${error.message}`);
    throw error;
  }
  throw new ConfigError(wanted);
}

function rule(type, value) {
  if (typeof value === "string") return { module: moduleName(type, value), fromClient: false, viaWebhook: false };
  if (!(value instanceof Fields)) throw entryError(type, 'it must be the name of a module, or {"module": …, "from": "client"}');
  const fields = value.toObject();
  // What is misspelt would be silently ignored, and a type be open or closed against somebody's will.
  const unknown = Object.keys(fields).toSorted().find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw entryError(type, `it has no field ${JSON.stringify(unknown)}: "module", "from" and "via" are known`);
  if (!("module" in fields)) throw entryError(type, '"module" is missing');
  const module = moduleName(type, fields.module);
  for (const [field, only] of [["from", "client"], ["via", "webhook"]]) {
    if (field in fields && fields[field] !== only) throw entryError(type, `"${field}" can only be "${only}", not ${text(fields[field])}`);
  }
  if (fields.via && !fields.from) throw entryError(type, '"via": "webhook" is for what clients send: "from": "client" is missing');
  return { module, fromClient: "from" in fields, viaWebhook: "via" in fields };
}

function moduleName(type, module) {
  if (typeof module !== "string") throw entryError(type, '"module" must be a string');
  if (!NAME.test(module)) throw entryError(type, `"module": ${NO_NAME}`);
  return module;
}

function text(value) {
  return JSON.stringify(value, (_, part) => (part instanceof Fields ? part.toObject() : part));
}

function byModule(entries) {
  const modules = new Map();
  for (const entry of entries) modules.set(entry.module, [...(modules.get(entry.module) ?? []), entry]);
  return modules;
}

function entryError(entry, wrong) {
  return new ConfigError(`entry ${JSON.stringify(entry)}: ${wrong}`);
}
