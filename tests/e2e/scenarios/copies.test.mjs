// Hazard: a page has the client twice: two bundles bring a copy of the package each, or a client is made anew while the one before is closed.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("two copies of the package in a page share one socket, and each delivers each event once", { handOver: "never" }, async (stage) => {
  const [tab, other] = await stage.tabs(2);
  const socket = await onlySocket(stage);

  await tab.load("/copy.js");
  assert.ok(await tab.evaluate(() => window.copy.createTabwire !== window.createTabwire), "they are two copies");
  const { id: both } = await stage.order("both");
  await stage.delivered(tab, [both]);
  await stage.delivered(other, [both]);
  await copyHas(tab, [both]);

  await tab.evaluate(() => window.wire.close());
  const { id: one } = await stage.order("the copy alone");
  await copyHas(tab, [both, one]);
  await stage.delivered(other, [both, one]);
  assert.deepEqual(await tab.ids(), [both], "what was closed hears nothing");
  assert.equal(await onlySocket(stage), socket, "the socket is still the first");
  assert.equal(await tab.socketsOpened(), 1);
});

scenario("a client that is made anew in the turn in which the last one was closed keeps the socket; closed for good, it gives it up", {}, async (stage) => {
  const tab = await stage.tab();
  const socket = await onlySocket(stage);

  await tab.evaluate(() => {
    window.wire.close();
    window.again = window.createTabwire(window.options);
    window.heard = [];
    window.again.on("order_created", ({ id }) => window.heard.push(id));
  });
  const { id } = await stage.order("after");
  await until("the new client has the event", () => tab.evaluate((id) => window.heard.join() === String(id), id));
  assert.equal(await onlySocket(stage), socket, "the socket is still the first");

  const status = await tab.evaluate(() => {
    window.again.close();
    return window.again.getStatus();
  });
  assert.equal(status.reason, "closed");
  await stage.sockets(0);
  assert.equal(await tab.socketsOpened(), 1);
});

/** The id of the shop's socket, of which there is one. */
async function onlySocket(stage) {
  await stage.sockets(1);
  const [{ socketId }] = await stage.server.sessions(stage.shop);
  return socketId;
}

function copyHas(tab, ids) {
  return until(`the copy has delivered ${ids}`, async () => {
    const has = await tab.evaluate(() => window.copy.ids);
    if (has.join() === ids.join()) return true;
    throw new Error(has.join() || "none");
  });
}
