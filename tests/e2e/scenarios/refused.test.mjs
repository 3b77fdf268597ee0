// Hazard: a command is not carried out, and the app cannot tell why, or whether it was.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("a command that is not carried out is rejected with a code, a remedy, and that it was not executed", { handOver: "never" }, async (stage) => {
  const tabs = await stage.tabs(2);
  for (const tab of tabs) {
    const { maxFrame } = await tab.evaluate(() => window.wire.inspect().session);
    await isRefused(tab, ["chat_message", { text: "x".repeat(maxFrame) }], "too_large", /inspect\(\)\.session\.maxFrame/);
    await isRefused(tab, ["nothing_of_this_name", {}], "unknown_type", /nothing_of_this_name/);
    await isRefused(tab, ["not a name", {}], "invalid", /1 to 128 of/);
    await isRefused(tab, ["chat_message", {}, { timeoutMs: 0 }], "bad_argument", /timeoutMs must be from 1 to/);
  }

  await stage.server.kill();
  // Sent before the page knows, it would be unknown whether the server had it.
  for (const tab of tabs) await until("the tab knows", async () => (await tab.status()).state === "reconnecting");
  for (const tab of tabs) await isRefused(tab, ["chat_message", {}, { timeoutMs: 500 }], "timeout", /not connected within timeoutMs/);
  await stage.server.startAgain();
  for (const tab of tabs) await tab.isOpen();

  const [closed, other] = tabs;
  await closed.evaluate(() => window.wire.close());
  await isRefused(closed, ["chat_message", {}], "closed", /make another/);
  await other.isOpen();
  await other.logout();
  await isRefused(other, ["chat_message", {}], "closed", /getStatus\(\)\.reason/);
});

async function isRefused(tab, args, code, remedy) {
  const error = await tab.evaluate(
    (...args) => window.wire.send(...args).then(
      (result) => ({ result }),
      ({ name, code, executed, message }) => ({ name, code, executed, message }),
    ),
    ...args,
  );
  assert.deepEqual({ name: error.name, code: error.code, executed: error.executed }, { name: "TabwireError", code, executed: "no" }, JSON.stringify(error));
  assert.match(error.message, remedy);
}
