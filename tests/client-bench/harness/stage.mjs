// What a measurement stands on: the site, a feed for each kind of server, and a fresh browser profile for each run.

import { setTimeout } from "node:timers/promises";

import { engine } from "../../e2e/harness/engines/index.mjs";
import { until } from "../../e2e/harness/until.mjs";
import { Feed } from "./feed.mjs";
import { Site } from "./site.mjs";
import { slowDown } from "./slow.mjs";
import { SUBJECTS } from "./subjects.mjs";

const HEARD_WITHIN_MS = 60_000;

export class Stage {
  #site;
  #feeds = new Map();

  static async build(names) {
    const stage = new Stage();
    const subjects = names.map((name) => SUBJECTS[name]);
    stage.#site = await Site.start(new Set(subjects.map(({ page }) => page)));
    for (const kind of new Set(subjects.flatMap(({ feed }) => feed ?? []))) stage.#feeds.set(kind, await Feed.start(kind));
    return stage;
  }

  feed(name) {
    return this.#feeds.get(SUBJECTS[name].feed);
  }

  /** All feeds at the same rate, so that what others do is the same for each subject. */
  async steady(rate) {
    for (const feed of this.#feeds.values()) await feed.steady(rate);
  }

  /** Calls `run` with a browser profile that nobody has used, and ends it. */
  async withBrowser(run) {
    const browser = await engine.launch();
    try {
      return await run(browser);
    } finally {
      await browser.close();
    }
  }

  /** Opens a page of a subject in a tab of its own. */
  open(browser, name, options) {
    return openIn(browser, name, this.address(name, options));
  }

  /** Opens a page of a subject as it opens where network and processor are slow, see `slow.mjs`. */
  async openSlowly(browser, name) {
    const page = await openIn(browser, name, this.#site.empty);
    await slowDown(page);
    await page.goto(this.address(name));
    return page;
  }

  /** Where the page of a subject is, with what it is to know. */
  address(name, options = {}) {
    const subject = SUBJECTS[name];
    return this.#site.address(subject.page, { ...this.feed(name)?.options, ...subject.options, ...options });
  }

  async strike() {
    this.#site?.close();
    for (const feed of this.#feeds.values()) await feed.end();
  }
}

async function openIn(browser, name, address) {
  const page = await browser.open(address);
  if (page.pid === undefined) throw new Error(`${name}: the browser gave a tab no process of its own`);
  return page;
}

/** What a page has recorded. */
export function recordOf(page) {
  return page.evaluate("window.record");
}

/**
 * What the promise of this name in each page resolves with. Nobody asks pages again and again that are timed: the answers would be in
 * the figures.
 */
export function said(pages, promise) {
  const late = setTimeout(HEARD_WITHIN_MS, undefined, { ref: false }).then(() => {
    throw new Error(`not within ${HEARD_WITHIN_MS} ms: ${promise}, in every page`);
  });
  return Promise.race([late, Promise.all(pages.map((page) => page.evaluate(promise)))]);
}

/** Waits until every page has heard so many events, and returns their records. */
export function heard(pages, count) {
  return until(
    `every page has heard ${count} events`,
    async () => {
      const records = await Promise.all(pages.map(recordOf));
      if (records.every((record) => record.events >= count)) return records;
      throw new Error(JSON.stringify(records));
    },
    { withinMs: HEARD_WITHIN_MS },
  );
}
