// Next.js: a page that a server renders, and that the browser takes over without a difference.

import assert from "node:assert/strict";

import { installed } from "../../harness/scenario.mjs";
import { worksInTwoTabs } from "../../harness/visit.mjs";

const RENDERED = /<p id="status">idle, none<\/p>/;

const withBundler = (bundler) => ({
  [`built with ${bundler}`]: async ({ app, browser, serve }) => {
    const server = await serve();
    await app.run("next", ["build", `--${bundler}`]);
    assert.equal(app.copiesOfTheModule(".next/static"), 1);
    const url = await app.serve("next", ["start", "--port", "PORT"], { TABWIRE_URL: server.url });
    assert.match(await (await fetch(url)).text(), RENDERED, "what the server renders");
    for (const page of ["", "/slim"]) await worksInTwoTabs(browser, server, url + page);
    app.hasPrintedNoComplaint();
  },

  [`developed with ${bundler}`]: async ({ app, browser, serve }) => {
    const server = await serve();
    const url = await app.serve("next", ["dev", `--${bundler}`, "--port", "PORT"], { TABWIRE_URL: server.url });
    assert.match(await (await fetch(url)).text(), RENDERED, "what the server renders");
    for (const page of ["", "/slim"]) await worksInTwoTabs(browser, server, url + page);
    app.hasPrintedNoComplaint();
  },
});

installed("next", { ...withBundler("turbopack"), ...withBundler("webpack") });
