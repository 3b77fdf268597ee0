// Hazard: a user has the app open on two devices, and one socket is all there is for a user.

import assert from "node:assert/strict";

import { scenario } from "../harness/scenario.mjs";
import { until } from "../harness/until.mjs";

scenario("replace: the device opened last has the socket, and a person can take it back", {}, async (stage) => {
  const laptop = await stage.tabs(3);
  const { id: first } = await stage.order("first");
  for (const tab of laptop) await stage.delivered(tab, [first]);

  const phone = await stage.tab({ device: await stage.device() });
  for (const tab of laptop) await tab.hasStopped("replaced");
  const { id: second } = await stage.order("second");
  await stage.delivered(phone, [second]);
  await stage.sockets(1);

  // In a follower: the leader is the one that connects.
  await laptop[2].reconnect();
  await phone.hasStopped("replaced");
  const { id: third } = await stage.order("third");
  for (const tab of laptop) {
    await stage.delivered(tab, [first, second, third]);
    assert.equal((await tab.states()).length, 1, "what the phone got meanwhile is replayed");
  }
  await stage.sockets(1);
});

scenario("replace: a device whose network comes back does not push out the one used since", { network: true }, async (stage) => {
  const laptop = await stage.tabs(2);
  stage.network.refuse();
  stage.network.cut();
  for (const tab of laptop) {
    await until("the laptop is reconnecting", async () => (await tab.status()).state === "reconnecting");
  }
  const phone = await stage.tab({ device: await stage.device(), offNetwork: true });

  await stage.network.accept();

  for (const tab of laptop) await tab.hasStopped("replaced");
  await stage.sockets(1);
  const { id } = await stage.order("for-the-phone");
  await stage.delivered(phone, [id]);
});

scenario("reject: the device that was there first keeps the socket, until it leaves", { flags: ["--concurrency", "reject"] }, async (stage) => {
  const laptop = await stage.tabs(2);
  const phone = await stage.tabAsItComes({ device: await stage.device() });

  await phone.hasStopped("rejected");
  const { id: first } = await stage.order("for-the-laptop");
  for (const tab of laptop) await stage.delivered(tab, [first]);
  await stage.sockets(1);

  for (const tab of laptop) await tab.close();
  await stage.sockets(0);
  await phone.reconnect();
  await phone.isOpen();
  const { id: second } = await stage.order("for-the-phone");
  await stage.delivered(phone, [second]);
});
