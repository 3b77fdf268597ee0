// The package's example apps, bundled with the packed package and served by a real server in demo mode.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import axe from "axe-core";

import { played } from "./played.mjs";

const NPM = fileURLToPath(new URL("../../../npm/", import.meta.url));
const HERE = fileURLToPath(new URL("../", import.meta.url));
/** Where React is looked for: the newest, and the oldest that is supported. */
const REACT = { 19: NPM, 18: join(NPM, "tests/react18") };
/** The shop of those who name none. */
export const SHOP = "s_1";

/**
 * A test of the example `name`, or of the page of that name in `page/`. `react`: its version; `rendered`: the page comes from a
 * server with the app in it. At its end nobody may be kept out of a page that is open.
 */
export function example(sentence, { name, react = 19, rendered = false }, play) {
  const site = async () => {
    const folder = await mkdtemp(join(tmpdir(), "tabwire-example-"));
    await build(name, { react, rendered, folder });
    return { folder, remove: () => rm(folder, { recursive: true }) };
  };
  played(sentence, { site }, async (stage) => {
    await play(stage);
    for (const page of stage.context.pages()) await keepsNobodyOut(page);
  });
}

/** Another tab of `user`, once it shows `state`. */
export async function open({ server, context }, { user = "ana", state = /^open/ } = {}) {
  const page = await context.newPage();
  await page.goto(`${server.url}/?user=${user}`);
  await says(page, state);
  return page;
}

/** Waits until the page's status is this. */
export function says(page, status) {
  return page.getByRole("status").filter({ hasText: status }).waitFor();
}

/** The lines of a list, in order. */
export async function lines(page, label) {
  return page.getByRole("list", { name: label }).getByRole("listitem").locator(":scope").allInnerTexts();
}

/** Publishes an order as the app's back end would. */
export function order(server, customer, orderId = customer) {
  return server.publish({ type: "order_created", scope: { shopId: SHOP }, payload: { orderId, customer } });
}

async function keepsNobodyOut(page) {
  await page.evaluate(axe.source);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    const { violations } = await page.evaluate(() => globalThis.axe.run());
    assert.deepEqual(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`), [], colorScheme);
  }
}

async function build(name, { react, rendered, folder }) {
  const example = join(NPM, "examples", name);
  const own = existsSync(example) ? example : join(HERE, "page", name);
  const [page] = await bundle(own, "main", { react, folder });
  assert.ok(page, `examples/${name}/main is a module`);
  await copyFile(join(NPM, "examples/page.css"), join(folder, "page.css"));
  let html = await readFile(join(own, "index.html"), "utf8");
  if (rendered) {
    const [server] = await bundle(own, "server", { react, folder, platform: "node" });
    const { render } = await import(pathToFileURL(server));
    html = html.replace("<!-- app -->", render());
  }
  await writeFile(join(folder, "index.html"), html);
}

async function bundle(own, entry, { react, folder, platform = "browser" }) {
  const { build } = createRequire(join(NPM, "package.json"))("esbuild");
  const { metafile } = await build({
    entryPoints: { [entry]: join(own, entry) },
    outdir: folder,
    bundle: true,
    format: "esm",
    platform,
    // CommonJS of React's server side asks for Node's own modules.
    banner: platform === "node" ? { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' } : {},
    outExtension: platform === "node" ? { ".js": ".mjs" } : {},
    define: { "process.env.NODE_ENV": '"development"' },
    metafile: true,
    logLevel: "warning",
    // Not the package's own, which leads to its sources.
    tsconfigRaw: { compilerOptions: { jsx: "react-jsx", target: "es2022" } },
    plugins: [from(/^tabwire(\/|$)/, HERE), from(/^zustand(\/|$)/, NPM), from(/^(react|react-dom|scheduler)(\/|$)/, REACT[react])],
  });
  return Object.keys(metafile.outputs).map((path) => join(process.cwd(), path));
}

/** Finds what matches from another folder than that of whoever asks. */
function from(filter, resolveDir) {
  return {
    name: `from ${resolveDir}`,
    setup({ onResolve, resolve }) {
      onResolve({ filter }, ({ path, kind, pluginData }) =>
        pluginData === "found" ? undefined : resolve(path, { kind, resolveDir, pluginData: "found" }),
      );
    },
  };
}
