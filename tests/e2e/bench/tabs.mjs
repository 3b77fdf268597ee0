// What several tabs of one user cost, with tabwire and with a plain WebSocket in each: `cargo xtask bench tabs`. Prints a table in
// Markdown. Counted where they pass, in a proxy between a real browser and a real server.
//
// Both speak the same protocol and go on from where they were after a break, so the difference is the sharing alone. The server gives
// a user one socket, so each plain tab is a user of its own.

import { execFileSync } from "node:child_process";
import { cpus } from "node:os";

import { engine } from "../harness/engines/index.mjs";
import { Pages } from "../harness/pages.mjs";
import { Proxy } from "../harness/proxy.mjs";
import { Server } from "../harness/server.mjs";
import { Tab } from "../harness/tab.mjs";
import { until } from "../harness/until.mjs";

const TABS = [1, 5, 12];
const SHOP = "s_1";
const EVENTS = 100;
const EVENTS_WHILE_AWAY = 20;
const NOTE_CHARS = 150; // the payload is some 200 bytes then

const missing = engine.missing();
if (missing) throw new Error(missing);

const rows = [];
for (const tabs of TABS) {
  for (const way of ["plain", "tabwire"]) rows.push(await measure(tabs, way));
}
print(rows);

async function measure(count, way) {
  const server = await Server.start();
  const network = await Proxy.start(server.port);
  const pages = await Pages.start(server);
  const device = await engine.launch();
  try {
    const opened = () => network.connections;
    const tabs = [];
    while (tabs.length < count) tabs.push(await open({ device, pages, network }, way, tabs.length));
    const connected = { connections: opened(), bytes: bytes(network) };
    await all(tabs, await publish(server, EVENTS));
    const told = { bytes: bytes(network) - connected.bytes };
    const before = { connections: opened(), bytes: bytes(network) };
    network.refuse();
    network.cut();
    await until("every tab has noticed", async () => (await states(tabs)).every((state) => state !== "open"));
    const away = await publish(server, EVENTS_WHILE_AWAY);
    await network.accept();
    await all(tabs, away);
    return { count, way, ...connected, told: told.bytes, again: opened() - before.connections, caughtUp: bytes(network) - before.bytes };
  } finally {
    await device.close();
    network.close();
    pages.close();
    await server.kill();
  }
}

async function open({ device, pages, network }, way, number) {
  const user = way === "plain" ? `u_${number}` : "u_101";
  const query = new URLSearchParams({ tab: String(number), user, shop: SHOP, server: `ws://127.0.0.1:${network.port}/ws` });
  const page = await device.open(`${pages.url}/${way === "plain" ? "plain.html" : ""}?${query}`);
  const tab = new Tab(page, pages, { name: String(number), user, shop: SHOP });
  await tab.isOpen({ withinMs: 60_000 });
  return tab;
}

/** Publishes events one by one; returns the id of the last. */
async function publish(server, count) {
  let last;
  for (let n = 0; n < count; n++) {
    const payload = { orderId: `o_${n}`, customer: "Ada", note: "x".repeat(NOTE_CHARS) };
    last = await server.publish({ type: "order_created", scope: { shopId: SHOP }, payload });
  }
  return last.id;
}

async function all(tabs, id) {
  const has = async (tab) => (await tab.ids()).at(-1) === id;
  await until(`every tab has event ${id}`, async () => (await Promise.all(tabs.map(has))).every(Boolean), { withinMs: 60_000 });
}

async function states(tabs) {
  return (await Promise.all(tabs.map((tab) => tab.status()))).map(({ state }) => state);
}

function bytes({ upBytes, downBytes }) {
  return upBytes + downBytes;
}

function print(rows) {
  const kb = (bytes) => `${(bytes / 1000).toFixed(1)} KB`;
  const version = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
  const day = new Date().toISOString().slice(0, 10);
  const how = (way) => (way === "plain" ? "a WebSocket per tab" : "tabwire");
  console.log(`\n\`cargo xtask bench tabs\`, ${day}, ${cpus().length} cores of ${cpus()[0].model}, ${engine.name}, commit ${version}:\n`);
  console.log(`| tabs | | connections | to connect | ${EVENTS} events | connections after a break | to catch up ${EVENTS_WHILE_AWAY} events |`);
  console.log("|---:|---|---:|---:|---:|---:|---:|");
  for (const { count, way, connections, bytes, told, again, caughtUp } of rows) {
    console.log(`| ${count} | ${how(way)} | ${connections} | ${kb(bytes)} | ${kb(told)} | ${again} | ${kb(caughtUp)} |`);
  }
}
