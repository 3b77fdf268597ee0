// Hazard: the browser, or the page's policy, does not let the client run at all. The app is told once, why and what to do.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

/** The import map of the page is inline; nothing else is asked of the policy. */
const policy = (script) => `script-src 'self' 'unsafe-inline' ${script}`;

scenario("a policy without 'wasm-unsafe-eval' stops the client with an error that names it, and with it the client runs", {}, async (stage) => {
  stage.pages.policy = policy("");
  await isUnsupported(await stage.tabAsItComes(), "wasm_blocked", /add 'wasm-unsafe-eval' to script-src of the Content-Security-Policy/);
  await stage.sockets(0);

  stage.pages.policy = policy("'wasm-unsafe-eval'");
  const tab = await stage.tab();
  const { id } = await stage.order("allowed");
  await stage.delivered(tab, [id]);
  assert.deepEqual(await tab.uncaught(), []);
});

scenario("a browser without WebAssembly stops the client with an error that names it", {}, async (stage) => {
  const tab = await stage.tabAsItComes({ without: ["WebAssembly"] });
  await isUnsupported(tab, "no_webassembly", /no WebAssembly: poll instead/);
  await stage.sockets(0);
});

scenario("a browser without WebSocket stops the client with an error that names it", {}, async (stage) => {
  const tab = await stage.tabAsItComes({ without: ["WebSocket"] });
  await isUnsupported(tab, "no_websocket", /no WebSocket: poll instead/);
  await stage.sockets(0);
});

scenario("tabwire/slim says what to do before init and when its module is not to be had, and may be told a better address", {}, async (stage) => {
  const tab = await stage.tab();
  await tab.load("/slim.js");
  const attempts = await tab.evaluate(async () => {
    const { createTabwire, init } = window.slim;
    const options = { ...window.options, user: "slim" };
    const failures = [];
    const attempt = async (run) => {
      try {
        await run();
      } catch ({ name, code, message, cause }) {
        failures.push({ name, code, message, hasCause: cause !== undefined });
      }
    };
    await attempt(() => createTabwire(options));
    await attempt(() => init("/nowhere.wasm"));
    await attempt(() => init("/index.html"));
    await init("/package/dist/tabwire.wasm");
    window.slim.wire = createTabwire({ ...options, getToken: async () => (await fetch("/token?user=slim&shop=s_1")).text() });
    return failures;
  });
  const [before, ...unfit] = attempts;
  assert.equal(before.code, "not_initialized");
  assert.match(before.message, /call `await init\(url\)` before createTabwire/);
  assert.deepEqual(unfit.map(({ name, code, hasCause }) => ({ name, code, hasCause })), Array(2).fill({ name: "TabwireError", code: "wasm_failed", hasCause: true }));
  await until("the slim client is open", () => tab.evaluate(() => window.slim.wire.getStatus().state === "open"));
  assert.deepEqual(await tab.uncaught(), []);
});

/** Told once, with a code and words of its own; final; what is sent is refused; and nothing is left to the console. */
async function isUnsupported(tab, code, words) {
  await tab.hasStopped("unsupported");
  const [error, ...more] = await tab.takeErrors();
  assert.deepEqual(more, []);
  assert.ok(error.startsWith(`${code}: `), error);
  assert.match(error, words);

  const refused = await tab.evaluate(async () => {
    window.wire.reconnect();
    return window.wire.send("chat_message", { text: "hola" }).catch(({ name, code, executed, message }) => ({ name, code, executed, message }));
  });
  const why = error.slice(code.length + 2);
  assert.deepEqual(refused, { name: "TabwireError", code: "unsupported", executed: "no", message: `send(chat_message): unsupported, ${why}` });
  assert.equal((await tab.status()).reason, "unsupported");
  assert.deepEqual(await tab.uncaught(), []);
}
