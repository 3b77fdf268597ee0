// The slim entry: the module is a file, and the bundler says where it went.

import assert from "node:assert/strict";

import { installed } from "../../harness/scenario.mjs";
import { worksInTwoTabs } from "../../harness/visit.mjs";

/** One names the file with `new URL`, the other imports its address. */
const PAGES = ["url.html", "asset.html"];

installed("vite-slim", {
  "the dev server": async ({ app, browser, serve }) => {
    const server = await serve();
    const url = await app.serve("vite", ["--port", "PORT", "--strictPort"], { TABWIRE_URL: server.url });
    for (const page of [...PAGES, "react.html"]) await worksInTwoTabs(browser, server, `${url}/${page}`);
    app.hasPrintedNoComplaint();
  },

  "the build, in a preview": async ({ app, browser, serve }) => {
    const server = await serve();
    await app.run("vite", ["build", "--logLevel", "warn"]);
    assert.equal(app.printed, "", "nothing that is a warning or worse");
    assert.equal(app.copiesOfTheModule("dist"), 0);
    const url = await app.serve("vite", ["preview", "--port", "PORT", "--strictPort"], { TABWIRE_URL: server.url });
    for (const page of [...PAGES, "react.html"]) await worksInTwoTabs(browser, server, `${url}/${page}`);
    app.hasPrintedNoComplaint();
  },
});

installed("webpack-slim", {
  "its production build": async ({ app, browser, serve }) => {
    await app.run("webpack", []);
    assert.equal(app.copiesOfTheModule("dist"), 0);
    app.hasPrintedNoComplaint();
    const server = await serve("--static", app.root);
    for (const page of PAGES) await worksInTwoTabs(browser, server, `${server.url}/webpack-slim/${page}`);
  },
});
