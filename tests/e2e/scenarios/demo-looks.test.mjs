// How the demo looks, and that everybody can use it: axe-core finds nothing, on a screen and on a phone, light and dark.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

import { demo, has, isOffline, isOpen, isStopped, logIn, order, press, SHOP } from "../harness/demo.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREEN = { width: 1440, height: 900 };
const TABLET = { width: 1024, height: 800 };
const PHONE = { width: 375, height: 812 };

demo("nobody is kept out of the demo by how it looks", {}, async ({ server, context, url }) => {
  const page = await context.newPage();
  await page.goto(url);
  await page.getByTestId("login").waitFor();
  await isFineInAllLooks(page, "logged out");

  const there = `${url}/?user=ana@${SHOP}&shop=${SHOP}`;
  await page.goto(there);
  await isOpen(page);
  await isFine(page, "with an empty shop");
  for (const id of ["one", "two", "three"]) await order(server, id);
  await page.getByTestId("advance").first().click();
  await page.locator("[data-testid=order][data-status=preparing]").waitFor();
  await page.getByTestId("chat-input").fill("hello");
  await page.getByTestId("chat-send").click();
  await has(page, "chat-line", 1);
  const follower = await press(page, "open-tab");
  await isOpen(follower);
  await page.getByTestId("refused").click();
  await page.getByTestId("refused-note").waitFor();
  await page.locator("summary").filter({ hasText: "In numbers" }).click();
  await isFineInAllLooks(page, "with orders, chat and a refusal");

  await page.getByTestId("cut").click();
  await isOffline(page);
  await page.getByTestId("place-order").click();
  await has(page, "pending", 1);
  await isFine(page, "offline");
  await isOpen(page);
  await isOpen(await press(page, "other-device"));
  await isStopped(page, "replaced");
  await isFine(page, "replaced");
  await page.emulateMedia({ colorScheme: "dark" });
  await isFine(page, "replaced, dark");
});

demo("the colours of the demo are the system's, until a person chooses, and then in all tabs", {}, async ({ context, url }) => {
  const page = await logIn(context, url, "ana");
  const background = (of) => of.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await background(page);
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background(page);
  assert.notEqual(dark, light);

  const second = await press(page, "open-tab");
  await isOpen(second);
  await page.getByTestId("theme").click();
  assert.equal(await background(page), light, "chosen against the system");
  await second.locator("html[data-theme=light]").waitFor({ state: "attached" });
  await page.reload();
  await isOpen(page);
  assert.equal(await background(page), light, "and kept");
});

demo("the demo works by keyboard, and shows where it is", {}, async ({ context, url }) => {
  const page = await context.newPage();
  await page.goto(url);
  await page.getByTestId("login-name").press("Enter");
  await isOpen(page);
  await page.locator("body").press("Tab");
  const skip = page.getByText("Skip to the shop");
  assert.equal(await skip.evaluate((link) => document.activeElement === link && link.getBoundingClientRect().top >= 0), true);

  const seen = new Set();
  for (let tabs = 0; tabs < 40 && !seen.has("chat-send"); tabs += 1) {
    await page.keyboard.press("Tab");
    const { testid, outlined } = await page.evaluate(() => {
      const element = document.activeElement;
      const outlined = [null, "::after"].some((part) => getComputedStyle(element, part).outlineStyle === "solid");
      return { testid: element.dataset.testid, outlined };
    });
    assert.equal(outlined, true, `${testid} shows that it has the focus`);
    const isNew = !seen.has(testid);
    seen.add(testid);
    if (testid === "place-order") {
      await page.keyboard.press("Enter");
      await has(page, "order", 1);
    }
    if (testid === "advance" && isNew) {
      await page.keyboard.press("Space");
      const moved = page.locator("[data-testid=order][data-status=preparing]");
      await moved.waitFor();
      assert.equal(await moved.evaluate((card) => document.activeElement === card), true, "the focus goes along");
    }
  }
  for (const testid of ["theme", "logout", "place-order", "hang-leader", "other-user", "chat-input", "chat-send"]) {
    assert.equal(seen.has(testid), true, `${testid} is reached`);
  }
});

demo("nothing in the demo moves for those who want little motion, and nothing jumps for anybody", {}, async ({ server, context, url }) => {
  const page = await context.newPage();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await page.addInitScript(() => {
    globalThis.jumps = [];
    new PerformanceObserver((list) => {
      for (const { value, sources } of list.getEntries()) jumps.push({ value, what: sources.map(({ node }) => node?.className ?? String(node)) });
    }).observe({ type: "layout-shift", buffered: true });
  });
  await page.goto(`${url}/?user=ana@${SHOP}&shop=${SHOP}`);
  await isOpen(page);
  await page.locator(".plot canvas").first().waitFor();
  const moving = () => document.getAnimations().length;
  await order(server, "one");
  await has(page, "order", 1);
  assert.equal(await page.evaluate(moving), 0);
  await page.evaluate(() => dispatchEvent(new StorageEvent("storage", { key: "tabwire-demo:cut", newValue: String(Date.now() + 1_000) })));
  await isOffline(page);
  await isOpen(page);
  await order(server, "two");
  await has(page, "order", 2);
  const jumps = await page.evaluate("jumps");
  const sum = jumps.reduce((total, { value }) => total + value, 0);
  assert.equal(sum < 0.01, true, `what jumps: ${JSON.stringify(jumps)}`);
});

async function isFineInAllLooks(page, when) {
  for (const viewport of [SCREEN, TABLET, PHONE]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of viewport === TABLET ? [] : ["light", "dark"]) {
      await page.emulateMedia({ colorScheme });
      await isFine(page, `${when}, ${viewport.width} px, ${colorScheme}`);
    }
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(width <= viewport.width, true, `${when}: ${width} px on a screen of ${viewport.width} px`);
  }
  await page.setViewportSize(SCREEN);
  await page.emulateMedia({ colorScheme: "light" });
}

/** All rules of axe, its best practices too. Colours are judged when they have arrived. */
async function isFine(page, when) {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {})));
    const { violations } = await axe.run(document);
    return violations.map(({ id, help, nodes }) => ({ id, help, where: nodes.map(({ html, failureSummary }) => `${html}: ${failureSummary}`) }));
  });
  assert.deepEqual(found, [], when);
}
