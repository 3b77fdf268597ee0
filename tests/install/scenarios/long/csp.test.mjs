// Hazard: a Content-Security-Policy, which most people meet first in production.

import assert from "node:assert/strict";

import { until } from "../../../e2e/harness/until.mjs";
import { installed } from "../../harness/scenario.mjs";
import { shows, watch, worksInTwoTabs } from "../../harness/visit.mjs";

const REMEDY = "add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy";

installed("csp", {
  "a strict policy needs nothing but 'wasm-unsafe-eval'": async ({ app, browser, serve }) => {
    await app.run("esbuild", ["main.js", "--bundle", "--format=esm", "--outdir=dist"]);
    const server = await serve("--static", app.root);
    await worksInTwoTabs(browser, server, `${server.url}/csp/index.html`);
  },

  "without it the status and the console say what to change": async ({ app, browser, serve }) => {
    await app.run("esbuild", ["main.js", "--bundle", "--format=esm", "--outdir=dist"]);
    const server = await serve("--static", app.root);
    const context = await browser.newContext();
    const complaints = watch(context);
    const page = await context.newPage();
    await page.goto(`${server.url}/csp/without.html`);
    await shows(page, "stopped: unsupported", complaints);
    await until("the console has the remedy", () => complaints.some((text) => text.includes(REMEDY)));
    assert.equal(await server.metric("tabwire_connections"), 0);
    await context.close();
  },
});
