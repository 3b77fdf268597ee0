// From the start of a navigation until the first event stands in the page: load, compile, connect, be told. Nothing is cached, each
// page is in a process of its own, and events come at a steady rate: on average half an interval of it is in each figure.

import { Stage, heard } from "../harness/stage.mjs";

const WHO = ["websocket", "tabwire", "tabwire-slim", "socket.io-client", "socket.io-client-websocket"];
const EVENTS_PER_S = 200;
const RUNS = 20;
const QUICK_RUNS = 3;

export async function firstEvent({ results, quick }) {
  const stage = await Stage.build(WHO);
  try {
    await stage.steady(EVENTS_PER_S);
    await stage.withBrowser(async (browser) => {
      // The first page of each pays for what the browser starts only once.
      for (const who of WHO) await loaded(stage, browser, who);
      for (let run = 0; run < (quick ? QUICK_RUNS : RUNS); run++) {
        for (const who of WHO) results.add({ bench: "first-event", who, figures: { ms: await loaded(stage, browser, who) } });
      }
    });
  } finally {
    await stage.strike();
  }
}

async function loaded(stage, browser, who) {
  const page = await stage.open(browser, who);
  const [{ firstMs }] = await heard([page], 1);
  await page.close();
  return firstMs;
}
