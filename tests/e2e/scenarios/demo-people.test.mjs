// Another device of the same user, and another user, in the same browser.

import assert from "node:assert/strict";

import { demo, has, hasSessions, isOpen, isStopped, keptThePromise, name, press, shows, tabs } from "../harness/demo.mjs";

demo("another device has the socket until a person takes it back", {}, async ({ server, context, url }) => {
  const [first, second] = await tabs(context, url, "ana", 2);
  const device = await press(first, "other-device");
  await isOpen(device);
  await shows(device, "1 tab, 1 WebSocket");
  for (const page of [first, second]) {
    await isStopped(page, "replaced");
    await shows(page, "Take it back");
  }
  await hasSessions(server, 1);

  await device.getByTestId("place-order").click();
  await has(device, "order", 1);
  assert.equal(await first.getByTestId("order").count(), 0, "it stands still");
  await first.getByTestId("reconnect").click();
  await isOpen(first);
  await has(first, "order", 1);
  await isOpen(second);
  await has(second, "order", 1);
  await isStopped(device, "replaced");
  await keptThePromise(first, second);
  await hasSessions(server, 1);

  await device.getByTestId("reconnect").click();
  await isOpen(device);
  for (const page of [first, second]) await isStopped(page, "replaced");
});

demo("somebody else in the same shop has a socket of their own, and stays when the first leaves", {}, async ({ server, context, url }) => {
  const [first, second] = await tabs(context, url, "ana", 2);
  const other = await press(first, "other-user");
  await isOpen(other);
  await shows(other, "1 tab, 1 WebSocket");
  await hasSessions(server, 2);
  const their = await other.getByTestId("user").textContent();
  assert.notEqual(their, "ana");

  await other.getByTestId("chat-input").fill("hello from next door");
  await other.getByTestId("chat-send").click();
  for (const page of [first, second]) {
    const line = page.getByTestId("chat-line").filter({ hasText: "hello from next door" });
    assert.equal(await line.locator(".by").innerText().then((text) => text.startsWith(their)), true);
  }
  // A new tab joins those who logged in here, and nobody who was only visited.
  const third = await context.newPage();
  await third.goto(url);
  await isOpen(third);
  assert.equal(await third.getByTestId("user").textContent(), "ana");
  await shows(third, "3 tabs, 1 WebSocket");

  await second.getByTestId("logout").click();
  for (const page of [first, second, third]) await page.getByTestId("login").waitFor();
  await isOpen(other);
  await other.getByTestId("place-order").click();
  await has(other, "order", 1);
  assert.match(await name(other), /^\w{4}$/);
  await hasSessions(server, 1);
});
