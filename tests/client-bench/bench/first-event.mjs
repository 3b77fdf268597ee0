// From the start of a navigation until the first event stands in the page: load, compile, connect, be told. Nothing is cached, each
// page is in a process of its own, and events come at a steady rate: on average half an interval of it is in each figure.

import { Stage, said } from "../harness/stage.mjs";

const WHO = ["websocket", "tabwire", "tabwire-slim", "socket.io-client", "socket.io-client-websocket"];
const EVENTS_PER_S = 200;
const FULL = { runs: 20, slowRuns: 6 };
const QUICK = { runs: 3, slowRuns: 1 };

export async function firstEvent({ results, quick }) {
  const { runs, slowRuns } = quick ? QUICK : FULL;
  const stage = await Stage.build(WHO);
  try {
    await stage.steady(EVENTS_PER_S);
    await stage.withBrowser(async (browser) => {
      const fast = (who) => stage.open(browser, who);
      const slowly = (who) => stage.openSlowly(browser, who);
      // The first page of each pays for what the browser starts only once.
      for (const who of WHO) await loaded(fast, who);
      for (const [setting, open, count] of [["", fast, runs], ["slow phone", slowly, slowRuns]]) {
        for (let run = 0; run < count; run++) {
          for (const who of WHO) results.add({ bench: "first-event", setting, who, figures: { ms: await loaded(open, who) } });
        }
      }
    });
  } finally {
    await stage.strike();
  }
}

async function loaded(open, who) {
  const page = await open(who);
  const [{ firstMs }] = await said([page], "window.shown");
  await page.close();
  return firstMs;
}
