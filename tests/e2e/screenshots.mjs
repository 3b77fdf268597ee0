// Takes the pictures of the demo that the docs show: `node screenshots.mjs [FOLDER]`, by default into docs/screenshots; `--all` takes
// more looks, to be looked at. The server and the pages are those of the scenarios (TABWIRE_SERVER, TABWIRE_SITE).

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { launchForPlaywright } from "./harness/engines/chromium.mjs";
import { Server } from "./harness/server.mjs";

const SITE = process.env.TABWIRE_SITE ?? fileURLToPath(new URL("../../www/dist", import.meta.url));
const FOLDER = process.argv.slice(2).find((word) => !word.startsWith("-")) ?? fileURLToPath(new URL("../../docs/screenshots/", import.meta.url));
const SHOP = "northside";
const PHONE = { width: 375, height: 812 };
/** How much of the phone's long page is in its picture, in pixels. */
const PHONE_SHOWN = 2_260;
const PICTURES = [
  ["light", "light", { width: 1440, height: 900 }],
  ["dark", "dark", { width: 1440, height: 900 }],
  ["phone", "light", PHONE],
  ...(process.argv.includes("--all") ? [["tablet", "light", { width: 1024, height: 800 }], ["phone-dark", "dark", PHONE]] : []),
];
const ORDERS = [
  ["Ada", "Sourdough loaf", 6.2, "delivered"],
  ["Jun", "2 × Flat white", 7.6, "delivered"],
  ["Hana", "Breakfast box", 12.9, "ready"],
  ["Bruno", "3 × Cinnamon bun", 12.3, "ready"],
  ["Chen", "Cold brew", 4.5, "preparing"],
  ["Dalia", "2 × Almond croissant", 7.8, "preparing"],
  ["Ivo", "Sourdough loaf", 6.2, "preparing"],
  ["Edgar", "Flat white", 3.8, "new"],
  ["Farah", "2 × Breakfast box", 25.8, "new"],
];
const CHAT = [
  ["ben", "Good morning! Northside is open."],
  ["ben", "The oven is free again."],
  ["cleo", "Two breakfast boxes are coming up."],
  ["ben", "I take them."],
  ["cleo", "I was offline for a moment. Did I miss anything?"],
  ["ben", "Nothing. That is the point."],
];

const server = await Server.start({ flags: ["--static", SITE] });
const browser = await launchForPlaywright();
try {
  mkdirSync(FOLDER, { recursive: true });
  const ben = await visit("ben");
  const first = await visit("cleo");
  await press(first, "rush"); // something to count; it goes with the next
  await first.getByTestId("received").getByText("1000").waitFor();
  await press(first, "restart");
  const cleo = await open(first);
  await open(first);
  await fill();
  for (const [name, line] of CHAT.slice(0, -2)) await say(name === "ben" ? ben : cleo, line);
  await stream(25);
  await press(cleo, "cut");
  await cleo.locator("[data-testid=situation][data-look=offline]").waitFor();
  await press(cleo, "place-order");
  await stream(60);
  await cleo.locator("[data-testid=situation][data-look=open]").waitFor();
  await stream(15);
  await first.goto("about:blank"); // closed by automation, a page could not say goodbye
  await open(cleo);
  await cleo.getByText("3 tabs, 1 WebSocket").waitFor();
  for (const [name, line] of CHAT.slice(-2)) await say(name === "ben" ? ben : cleo, line);
  await stream(20);
  for (const [name, colorScheme, viewport] of PICTURES) {
    await cleo.emulateMedia({ colorScheme });
    await cleo.setViewportSize(viewport);
    await cleo.evaluate("scrollTo(0, 0)");
    await stream(8);
    const clip = viewport === PHONE ? { x: 0, y: 0, width: PHONE.width, height: PHONE_SHOWN } : undefined;
    await cleo.screenshot({ path: join(FOLDER, `${name}.png`), fullPage: true, animations: "disabled", clip });
  }

  async function visit(name) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
    const page = await context.newPage();
    await page.goto(`${server.url}/?user=${name}@${SHOP}&shop=${SHOP}`);
    await page.locator("[data-testid=state][data-state=open]").waitFor();
    return page;
  }

  async function open(page) {
    const [opened] = await Promise.all([page.context().waitForEvent("page"), press(page, "open-tab")]);
    await opened.setViewportSize({ width: 1440, height: 900 });
    await opened.locator("[data-testid=state][data-state=open]").waitFor();
    return opened;
  }

  async function press(page, testid) {
    await page.getByTestId(testid).click();
  }

  async function say(page, line) {
    await page.getByTestId("chat-input").fill(line);
    await page.getByTestId("chat-send").click();
    await cleo.getByTestId("chat-line").getByText(line, { exact: true }).waitFor();
  }

  async function fill() {
    for (const [n, [customer, item, total, status]] of ORDERS.entries()) {
      const orderId = idOf(n);
      await publish("order_created", { orderId, customer, item, total });
      if (status !== "new") await publish("order_updated", { orderId, status });
    }
  }

  /** Orders get the status that they have: one every 150 ms, as a picture of 30 seconds wants them. */
  async function stream(events) {
    for (let n = 0; n < events; n += 1) {
      const index = n % ORDERS.length;
      await publish("order_updated", { orderId: idOf(index), status: ORDERS[index][3] });
      await new Promise((resolve) => setTimeout(resolve, 60 + 180 * Math.random()));
    }
  }

  function idOf(n) {
    return `n${(n * 7919 + 4242).toString(36)}`;
  }

  function publish(type, payload) {
    return server.publish({ type, scope: { shopId: SHOP }, payload });
  }
} finally {
  await browser.close();
  await server.kill();
}
