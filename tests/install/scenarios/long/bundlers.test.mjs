// The other bundlers, with nothing configured that a first app would not have. The server serves what they make.

import assert from "node:assert/strict";

import { installed } from "../../harness/scenario.mjs";
import { worksInTwoTabs } from "../../harness/visit.mjs";

for (const [name, page, ...build] of [
  ["webpack", "index.html", "webpack"],
  ["rspack", "index.html", "rspack", "build"],
  ["rollup", "index.html", "rollup", "--config", "--failAfterWarnings"],
  // Makes pages, too. It reads `exports` only for those whose package.json says so.
  ["parcel", "dist/index.html", "parcel", "build", "index.html", "testing.js", "--public-url", "./"],
]) {
  installed(name, {
    "its production build": async ({ app, browser, serve }) => {
      const [tool, ...args] = build;
      await app.run(tool, args);
      // `testing.js` is an entry too, which has none.
      assert.equal(app.copiesOfTheModule("dist"), 1);
      assert.match(app.read("dist/testing.js"), /order_created/);
      app.hasPrintedNoComplaint();
      const server = await serve("--static", app.root);
      await worksInTwoTabs(browser, server, `${server.url}/${name}/${page}`);
    },
  });
}

installed("esbuild", {
  "the types pass a strict check of all that they name, as Node resolves them": async ({ app }) => {
    await app.run("tsc", []);
  },

  "its bundle": async ({ app, browser, serve }) => {
    const flags = ["--bundle", "--minify", "--format=esm", "--outdir=dist", "--log-level=warning"];
    await app.run("esbuild", ["main.ts", "testing.ts", ...flags]);
    assert.equal(app.printed, "", "nothing that is a warning or worse");
    assert.equal(app.copiesOfTheModule("dist"), 1);
    assert.match(app.read("dist/testing.js"), /order_created/);
    const server = await serve("--static", app.root);
    await worksInTwoTabs(browser, server, `${server.url}/esbuild/index.html`);
  },
});

installed("plain", {
  "a page with an import map, and no bundler": async ({ app, browser, serve }) => {
    const server = await serve("--static", app.root);
    await worksInTwoTabs(browser, server, `${server.url}/plain/index.html`);
  },
});
