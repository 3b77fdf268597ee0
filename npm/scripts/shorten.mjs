// Shorter names between the module and wasm-bindgen's loader. Each import's name ends in a hash, which no compressor can do
// anything about, and every page downloads it twice: in the module and in the loader.

import { transform } from "esbuild";

const IMPORT_SECTION = 2;
const EXPORT_SECTION = 7;
/** `WebAssembly.Memory` of the module: the loader's other `memory` properties must keep their name. */
const KEPT = new Set(["memory"]);

/**
 * What the loader's `init` does with bytes, for the entry that has them: without the addresses and responses that `init` also
 * takes, which a bundler then leaves out.
 */
const INSTANTIATE = `
export async function instantiate(bytes) {
  const { instance, module } = await WebAssembly.instantiate(bytes, __wbg_get_imports());
  __wbg_finalize_init(instance, module);
}`;

/**
 * Whatever is thrown out of a call into the module, by us or by the browser, leaves its memory as nobody may find it again: it is
 * told, once, and nothing calls the module any more.
 */
const GUARD = `
let tellCrash;
let hasCrashed = false;
export function onCrash(tell) {
  tellCrash = tell;
}
function guarded(exports) {
  const safe = {};
  for (const name in exports) {
    const run = exports[name];
    safe[name] = typeof run !== "function" ? run : (...args) => {
      if (hasCrashed) return;
      try {
        return run(...args);
      } catch (cause) {
        hasCrashed = true;
        tellCrash?.(cause);
        throw cause;
      }
    };
  }
  return safe;
}`;
const EXPORTS = "wasm = instance.exports;";

/** Renames what module and loader call in each other, and adds `instantiate` and `onCrash` to the loader. */
export async function shorten(wasm, glue) {
  for (const known of ["function __wbg_get_imports()", "function __wbg_finalize_init(instance, module)", EXPORTS]) {
    if (!glue.includes(known)) throw new Error(`the loader has no ${known}`);
  }
  const names = shortNames();
  const shorter = renameInModule(wasm, names);
  const { code } = await transform(glue.replace(EXPORTS, "wasm = guarded(instance.exports);") + INSTANTIATE + GUARD, {
    format: "esm",
    mangleProps: new RegExp(`^(?:${[...names.keys()].join("|")})$`),
    mangleCache: Object.fromEntries(names),
  });
  for (const { name } of WebAssembly.Module.imports(new WebAssembly.Module(shorter))) {
    if (!code.includes(`${name}: `)) throw new Error(`the loader lacks the module's import ${name}`);
  }
  return { wasm: shorter, glue: code };
}

/** A map from each name asked for to `_a`, `_b`, … made up on the way. */
function shortNames() {
  const names = new Map();
  const get = (name) => {
    if (KEPT.has(name)) return name;
    if (!names.has(name)) names.set(name, `_${names.size.toString(36)}`);
    return names.get(name);
  };
  return { get, keys: () => names.keys(), [Symbol.iterator]: () => names[Symbol.iterator]() };
}

function renameInModule(wasm, names) {
  const parts = [wasm.subarray(0, 8)];
  for (let at = 8; at < wasm.length; ) {
    const id = wasm[at];
    const [size, start] = readNumber(wasm, at + 1);
    const body = wasm.subarray(start, start + size);
    const renamed = id === IMPORT_SECTION ? renameImports(body, names) : id === EXPORT_SECTION ? renameExports(body, names) : body;
    parts.push(Buffer.from([id]), writeNumber(renamed.length), renamed);
    at = start + size;
  }
  return Buffer.concat(parts);
}

function renameImports(body, names) {
  const [count, first] = readNumber(body, 0);
  const parts = [writeNumber(count)];
  let at = first;
  for (let index = 0; index < count; index++) {
    const module = readName(body, at);
    const name = readName(body, module.end);
    const end = skipImportType(body, name.end);
    parts.push(writeName(module.text), writeName(names.get(name.text)), body.subarray(name.end, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function renameExports(body, names) {
  const [count, first] = readNumber(body, 0);
  const parts = [writeNumber(count)];
  let at = first;
  for (let index = 0; index < count; index++) {
    const name = readName(body, at);
    const [, end] = readNumber(body, name.end + 1);
    parts.push(writeName(names.get(name.text)), body.subarray(name.end, end));
    at = end;
  }
  return Buffer.concat(parts);
}

function skipImportType(body, at) {
  const kind = body[at];
  if (kind === 0) return readNumber(body, at + 1)[1]; // a function: the index of its type
  throw new Error(`the module imports something that is no function (kind ${kind})`);
}

function readName(bytes, at) {
  const [length, start] = readNumber(bytes, at);
  const end = start + length;
  return { text: bytes.toString("utf8", start, end), end };
}

function writeName(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([writeNumber(bytes.length), bytes]);
}

/** Unsigned LEB128. */
function readNumber(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

function writeNumber(value) {
  const bytes = [];
  do {
    const more = value > 0x7f;
    bytes.push((value & 0x7f) | (more ? 0x80 : 0));
    value = Math.floor(value / 128);
  } while (value > 0);
  return Buffer.from(bytes);
}
