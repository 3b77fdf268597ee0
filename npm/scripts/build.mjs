// Builds the package from src/ and from what wasm-bindgen left in wasm/: optimises and embeds the module, bundles the
// entries, writes the types, and says what each entry costs a page.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { gzipSync, inflateRawSync } from "node:zlib";
import zopfli from "@gfx/zopfli";
import { build } from "esbuild";
import { shorten } from "./shorten.mjs";

/** The deflated module as text, as entries import it. */
const EMBEDDED = "./shared/embedded.js";
const ENTRIES = ["index", "slim", "react", "zustand", "redux", "testing"];
/** Never --all-features: it emits what browsers do not validate. These are what rustc assumes for wasm32-unknown-unknown. */
const WASM_FEATURES = [
  "bulk-memory",
  "nontrapping-float-to-int",
  "sign-ext",
  "mutable-globals",
  "reference-types",
  "multivalue",
];
/**
 * What esbuild writes so that chunks run in the order of the sources. Ours do nothing when they run, package.json says so, and a
 * bundler that is told so warns of an import without a name.
 */
const ORDERING_IMPORT = /^import "\..*";\n/gm;

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const require = createRequire(import.meta.url);

const glue = "wasm/tabwire.js";
const bound = "wasm/tabwire_bg.wasm";
if (!existsSync(glue) || !existsSync(bound)) {
  fail("npm/wasm is empty: `cargo xtask test npm` compiles the client into it and builds the package");
}
if (readFileSync(glue, "utf8").includes("import.meta.url")) {
  // Bundlers would take the address for an asset of ours, and not find it.
  fail("npm/wasm/tabwire.js names a default path: call wasm-bindgen with --omit-default-module-path");
}

rmSync("dist", { recursive: true, force: true });
mkdirSync("dist");
optimise(bound, "dist/tabwire.wasm");
const { wasm, glue: loader } = await shorten(readFileSync("dist/tabwire.wasm"), readFileSync(glue, "utf8"));
writeFileSync("dist/tabwire.wasm", wasm);
if (!WebAssembly.validate(wasm)) fail("dist/tabwire.wasm is not valid: see WASM_FEATURES");
const deflated = await deflate(wasm);

mkdirSync("dist/shared");
writeFileSync(`dist/${EMBEDDED}`, `export default ${JSON.stringify(deflated.toString("base64"))};\n`);
const { outputFiles } = await build({
  entryPoints: ENTRIES.map((name) => `src/${name}.ts`),
  outdir: "dist",
  bundle: true,
  splitting: true,
  chunkNames: "shared/[name]-[hash]",
  format: "esm",
  target: "es2022",
  packages: "external",
  sourcemap: false,
  legalComments: "none",
  logLevel: "warning",
  plugins: [generatedModules()],
  write: false,
});
for (const { path, text } of outputFiles) writeFileSync(path, embeddedFirst(text.replace(ORDERING_IMPORT, "")));
// Where a page is rendered by React on a server, all that has effects or a context must say so in its first line.
if (!readFileSync("dist/react.js", "utf8").startsWith('"use client";\n')) fail('dist/react.js does not begin with "use client"');
run(require.resolve("typescript/bin/tsc"), ["-p", "tsconfig.build.json"]);
await importsOnAServer();
await warnsNobody();
report();

function optimise(from, to) {
  const features = WASM_FEATURES.map((feature) => `--enable-${feature}`);
  run(join(dirname(require.resolve("binaryen/package.json")), "bin/wasm-opt"), [
    // Smaller by 3 % once deflated, though not before: a function with one caller stays on its own unless it is tiny. In a
    // large function what repeats itself does so with other numbers of locals, which hides it from the compressor.
    "--one-caller-inline-max-function-size=30",
    "--always-inline-max-function-size=5",
    // The first kilobyte is the far end of the stack.
    "--low-memory-unused",
    "-Os",
    "--flatten",
    "--rereloop",
    "-Os",
    "-Oz",
    "--converge",
    "--strip-debug",
    "--strip-producers",
    "--strip-target-features",
    ...features,
    from,
    "-o",
    to,
  ]);
}

/** Raw deflate by Zopfli: some 4 % smaller than zlib's best, and every page pays for it. */
async function deflate(bytes) {
  const smallest = Buffer.from(await zopfli.deflateAsync(bytes, { numiterations: 15 }));
  if (!inflateRawSync(smallest).equals(bytes)) fail("the deflated module does not inflate to itself");
  return smallest;
}

/** `tabwire:glue` and `tabwire:embedded`, as declared in src/glue.d.ts. */
function generatedModules() {
  return {
    name: "generated modules",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^tabwire:embedded$/ }, () => ({ path: EMBEDDED, external: true, sideEffects: false }));
      onResolve({ filter: /^tabwire:glue$/ }, ({ path }) => ({ path, namespace: "generated", sideEffects: false }));
      onLoad({ filter: /.*/, namespace: "generated" }, () => ({ contents: loader }));
    },
  };
}

/**
 * Bundlers put modules in the order of the imports. The text is longer than the 32 KB that gzip looks back: with code before it
 * and code behind it, neither would help to compress the other.
 */
function embeddedFirst(code) {
  const [line] = /^import \w+ from "\.\/shared\/embedded\.js";\n/m.exec(code) ?? [];
  return line ? code.replace(line, "").replace(/^(?:"use client";\n)?/, (start) => start + line) : code;
}

/** A server renders pages that import us: nothing may need a browser before it is called. */
async function importsOnAServer() {
  const options = { url: "/ws", user: "u", getToken: () => null };
  for (const name of ENTRIES) {
    const entry = await import(pathToFileURL(`dist/${name}.js`));
    const state = entry.createTabwire?.(options).getStatus().state ?? "idle";
    if (state !== "idle") fail(`dist/${name}.js: createTabwire on a server is ${state}, not idle`);
  }
}

/** Of a package that is linked, as in a monorepo, everybody would see what a bundler warns of. */
async function warnsNobody() {
  const { warnings } = await build({
    entryPoints: ENTRIES.map((name) => `dist/${name}.js`),
    bundle: true,
    write: false,
    outdir: "unwritten",
    format: "esm",
    target: "es2022",
    external: ["react", "zustand", "redux", "@reduxjs/toolkit"],
    logLevel: "warning",
  });
  if (warnings.length > 0) fail("a bundler has warnings for those who use the package");
}

/** What each entry costs a page, and what .size-limit.mjs allows it. */
function report() {
  const { status, stdout, stderr } = spawnSync("node_modules/.bin/size-limit", ["--json"], { encoding: "utf8" });
  const table = { "tabwire.wasm": { gzip: gzipSync(wasm, { level: 9 }).length }, "tabwire.wasm, deflated": { gzip: deflated.length } };
  for (const { name, size, sizeLimit } of JSON.parse(stdout || fail(stderr))) table[name] = { gzip: size, limit: sizeLimit };
  console.table(table);
  if (status !== 0) fail("an entry is larger than .size-limit.mjs allows");
}

function run(script, args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: "inherit" });
  if (status !== 0) fail(`${script} failed`);
}

function fail(message) {
  console.error(`npm run build: ${message}`);
  process.exit(1);
}
