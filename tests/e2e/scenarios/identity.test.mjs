// Hazard: the person behind the tabs changes. Nothing of one user may reach the tabs of another.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";

const LUIS = { userId: "luis", shopId: "s_2" };

scenario("a logout in one tab stops all tabs of the user", {}, async (stage) => {
  const tabs = await stage.tabs(3);
  const leader = await stage.leader(tabs);
  const follower = tabs.find((tab) => tab !== leader);

  await follower.logout();

  for (const tab of tabs) await tab.hasStopped("logged_out");
  await stage.sockets(0);
  await stage.order("after");
  for (const tab of tabs) {
    assert.deepEqual(await tab.ids(), []);
    assert.equal(await tab.cursor(), undefined, "the position is forgotten");
  }
});

scenario("a logout in the leading tab stops all tabs of the user, and nobody else's", {}, async (stage) => {
  const tabs = await stage.tabs(3);
  const other = await stage.tab({ user: "luis" });
  const leader = await stage.leader(tabs);

  await leader.logout();

  for (const tab of tabs) await tab.hasStopped("logged_out");
  await stage.sockets(1);
  const { id } = await stage.order("for-luis");
  await stage.delivered(other, [id]);
});

scenario("a tab that is given the token of another user stops before it shows anything", {}, async (stage) => {
  stage.pages.loggedIn = LUIS;
  const tab = await stage.tabAsItComes();

  await tab.hasStopped("identity_changed");
  await stage.order("for-luis", { shop: LUIS.shopId });
  await stage.sockets(0);
  assert.deepEqual(await tab.states(), []);
  assert.deepEqual(await tab.ids(), []);
});

scenario("when another user logs in, all tabs of the one before stop at the next token", {}, async (stage) => {
  stage.pages.tokenSeconds = 4;
  const tabs = await stage.tabs(3);
  const { id } = await stage.order("for-ana");
  for (const tab of tabs) await stage.delivered(tab, [id]);

  stage.pages.loggedIn = LUIS;
  for (const tab of tabs) await tab.hasStopped("identity_changed");
  await stage.order("for-luis", { shop: LUIS.shopId });

  await stage.sockets(0);
  for (const tab of tabs) {
    assert.deepEqual(await tab.ids(), [id]);
    assert.equal((await tab.states()).length, 1);
  }
});
