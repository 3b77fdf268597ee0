// Vite with React and TypeScript: what most of those who try us will have.

import assert from "node:assert/strict";

import { installed } from "../harness/scenario.mjs";
import { receives, shows, watch, worksInTwoTabs } from "../harness/visit.mjs";

installed("vite", {
  "the types pass a strict check of all that they name": async ({ app }) => {
    await app.run("tsc", []);
  },

  "the dev server": async ({ app, browser, serve }) => {
    const server = await serve();
    const url = await app.serve("vite", ["--port", "PORT", "--strictPort"], { TABWIRE_URL: server.url });
    await worksInTwoTabs(browser, server, url);
    app.hasPrintedNoComplaint();
  },

  "a component that is edited keeps what it had, and the socket": async ({ app, browser, serve }) => {
    const server = await serve();
    const url = await app.serve("vite", ["--port", "PORT", "--strictPort"], { TABWIRE_URL: server.url });
    const context = await browser.newContext();
    const complaints = watch(context);
    const page = await context.newPage();
    await page.goto(url);
    await shows(page, "open, leader", complaints);
    await receives(server, [page]);
    const socket = await theSocket(server);

    app.edit("src/orders.tsx", (text) => text.replace("<h1>Orders</h1>", "<h1>All orders</h1>"));
    await page.getByRole("heading", { name: "All orders" }).waitFor();
    await receives(server, [page]);

    assert.equal(await page.locator("#orders li").count(), 2);
    assert.equal(await theSocket(server), socket);
    assert.deepEqual(complaints, []);
    await context.close();
    app.hasPrintedNoComplaint();
  },

  "the build, in a preview": async ({ app, browser, serve }) => {
    const server = await serve();
    await app.run("vite", ["build", "--logLevel", "warn"]);
    assert.equal(app.printed, "", "nothing that is a warning or worse");
    assert.equal(app.copiesOfTheModule("dist"), 1);
    const url = await app.serve("vite", ["preview", "--port", "PORT", "--strictPort"], { TABWIRE_URL: server.url });
    await worksInTwoTabs(browser, server, url);
    app.hasPrintedNoComplaint();
  },
});

async function theSocket(server) {
  const sessions = await server.sessions("s_1");
  assert.equal(sessions.length, 1);
  assert.match(sessions[0].socketId, /./);
  return sessions[0].socketId;
}
