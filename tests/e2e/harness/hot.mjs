// Pages that a developer works on: Vite's dev server, the demo's own, in front of a real server, and files that change under it.

import assert from "node:assert/strict";
import { cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";

import { launchForPlaywright } from "./engines/chromium.mjs";
import { engine } from "./engines/index.mjs";
import { note } from "./notes.mjs";
import { Server } from "./server.mjs";

const EXAMPLES = fileURLToPath(new URL("../../../npm/examples/", import.meta.url));
const WWW = createRequire(new URL("../../../www/package.json", import.meta.url));
/** Where `tabwire` is found, as from any folder in here; what is written here git does not see. */
const ARTIFACTS = fileURLToPath(new URL("../artifacts/", import.meta.url));
/** What Vite and React tell each developer. */
const TOLD = /^debug: \[vite\]|^info: %cDownload the React DevTools/;

const skip = engine.name !== "chromium" && "its pages are played with Playwright, which drives Chromium only here";

/**
 * A test of the page in the folder `source`, whose script is `main`. `play` gets the stage: `server`, `context`, the page's `url`,
 * and `edit(file, { from: to })`. At its end nothing may be in any page's console.
 */
export function hot(sentence, { source, main }, play) {
  if (skip) note({ engine: engine.name, skipped: sentence, because: skip });
  test(`${engine.name}: ${sentence}`, { timeout: 120_000, skip }, async () => {
    await mkdir(ARTIFACTS, { recursive: true });
    const folder = await mkdtemp(join(ARTIFACTS, "hot-"));
    let server, vite, browser;
    try {
      const root = await copyInto(folder, source, main);
      server = await Server.start();
      vite = await serve(root, server);
      browser = await launchForPlaywright();
      const context = await browser.newContext();
      const said = [];
      context.on("page", (page) => {
        page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
        page.on("pageerror", (error) => said.push(`uncaught: ${error}`));
      });
      try {
        await play({ server, context, url: vite.resolvedUrls.local[0], edit: (file, changes) => edit(join(root, file), changes) });
      } catch (error) {
        for (const page of context.pages()) console.error(`a page shows:\n${await page.locator("body").innerText()}`);
        console.error(said.join("\n"));
        throw error;
      }
      assert.deepEqual(said.filter((line) => !TOLD.test(line)), [], "the console is empty");
    } finally {
      await browser?.close();
      await vite?.close();
      await server?.kill();
      await rm(folder, { recursive: true });
    }
  });
}

/** The page in a folder of its own, beside what the examples share. */
async function copyInto(folder, source, main) {
  const root = join(folder, "page");
  await cp(source, root, { recursive: true });
  await cp(join(EXAMPLES, "backend.ts"), join(folder, "backend.ts"));
  await cp(join(EXAMPLES, "page.css"), join(root, "page.css"));
  await edit(join(root, "index.html"), { "main.js": main });
  return root;
}

async function serve(root, { url }) {
  const { createServer } = await import(pathToFileURL(WWW.resolve("vite")));
  const { default: react } = await import(pathToFileURL(WWW.resolve("@vitejs/plugin-react")));
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: "silent", // the pages say in their console what does not compile, and a proxy says that a browser has gone
    cacheDir: join(root, "../cache"),
    plugins: [react()],
    resolve: { alias: ["react", "react-dom"].map((name) => ({ find: new RegExp(`^${name}(?=/|$)`), replacement: join(WWW.resolve(`${name}/package.json`), "..") })) },
    // Found at once: what is found later would be made ready with a reload of the page.
    optimizeDeps: { include: ["tabwire", "tabwire/react", "react", "react-dom/client", "react/jsx-dev-runtime"] },
    server: {
      host: "127.0.0.1",
      port: 0,
      fs: { allow: [join(root, "..")] },
      proxy: { "/ws": { target: url, ws: true }, "/login": url, "/state": url },
    },
  });
  return vite.listen();
}

/** Changes a file at once, what there is to what there shall be: Vite would read one that is being written, half. */
async function edit(file, changes) {
  let after = await readFile(file, "utf8");
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(after.includes(from), `${file} has ${from}`);
    after = after.replace(from, to);
  }
  const whole = join(file, "../../edited");
  await writeFile(whole, after);
  await rename(whole, file);
}
