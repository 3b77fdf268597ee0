// From the closing of the leading tab until another leads (`ms`), until that one has a socket of its own (`socket_ms`), and until an
// event has come through it (`event_ms`). The closed tab says itself when it is left, as the last thing it does. What the browser
// has, by hand, is the floor: its `ms` is how long a Web Lock takes from tab to tab.

import { until } from "../../e2e/harness/until.mjs";
import { Stage, heard, recordOf } from "../harness/stage.mjs";

const WHO = ["bare", "tabwire", "partysocket"];
/** Each but the last is closed in turn, by which the next one leads. */
const TABS = 4;
const EVENTS_PER_S = 200;
const WARM_UP = 100;
const ROUNDS = 6;
const QUICK_ROUNDS = 1;

export async function takeover({ results, quick }) {
  const stage = await Stage.build(WHO);
  try {
    await stage.steady(EVENTS_PER_S);
    for (let round = 0; round < (quick ? QUICK_ROUNDS : ROUNDS); round++) {
      for (const who of WHO) {
        const taken = await stage.withBrowser((browser) => passedOn(stage, browser, who));
        for (const figures of taken) results.add({ bench: "takeover", who, figures });
      }
    }
  } finally {
    await stage.strike();
  }
}

async function passedOn(stage, browser, who) {
  const pages = [];
  while (pages.length < TABS) pages.push(await stage.open(browser, who, { watchesSockets: true, watchesOthers: true }));
  await heard(pages, WARM_UP);
  const taken = [];
  let [leading] = await found(pages, hasLed);
  while (pages.length > 1) {
    pages.splice(pages.indexOf(leading), 1);
    for (const page of pages) await page.evaluate("void delete window.record.leftAt");
    await leading.close();
    const [next, { ledAt, socketOpenAt, socketEventAt, leftAt }] = await found(pages, (record) => hasLed(record) && record.leftAt);
    taken.push({ ms: ledAt - leftAt, socket_ms: socketOpenAt - leftAt, event_ms: socketEventAt - leftAt });
    leading = next;
  }
  return taken;
}

/** It leads and has had an event through a socket of its own. */
function hasLed({ ledAt, socketEventAt }) {
  return ledAt && socketEventAt;
}

/** Waits until the record of one of `pages` is as wanted; returns the page and its record. */
function found(pages, isWanted) {
  return until("one tab leads and has had an event", async () => {
    for (const page of pages) {
      const record = await recordOf(page);
      if (isWanted(record)) return [page, record];
    }
    return undefined;
  });
}
