// Where measurements go: a readable line on the screen, and one line of JSON in the results file, which is only ever added to.

import { appendFileSync } from "node:fs";

export class Results {
  #file;
  /** What was measured of each bench, setting and subject, figure by figure. */
  #rounds = new Map();

  constructor(file) {
    this.#file = file;
  }

  /** One run of one setting on one subject. Several with the same names are rounds: readers take their median. */
  add({ bench, setting = "", who, figures }) {
    const rounded = Object.fromEntries(Object.entries(figures).map(([name, value]) => [name, Number(value.toFixed(3))]));
    for (const [name, value] of Object.entries(rounded)) {
      if (!Number.isFinite(value)) throw new Error(`${bench}, ${setting}, ${who}: ${name} is not a number`);
    }
    const line = JSON.stringify({ bench, setting, who, figures: rounded });
    const shown = Object.entries(rounded).map(([name, value]) => `${name} ${value}`);
    console.log(`${shownName({ bench, setting, who })} ${shown.join("  ")}`);
    if (this.#file) appendFileSync(this.#file, `${line}\n`);
    const name = shownName({ bench, setting, who });
    this.#rounds.set(name, [...(this.#rounds.get(name) ?? []), rounded]);
  }

  /** The median of each figure, with the lowest and the highest. */
  summary() {
    const lines = [];
    for (const [name, rounds] of this.#rounds) {
      const figures = Object.keys(rounds[0]).map((figure) => `${figure} ${spread(rounds.map((round) => round[figure]))}`);
      lines.push(`${name} ${figures.join("  ")}`);
    }
    return lines.join("\n");
  }
}

function shownName({ bench, setting, who }) {
  return `${bench.padEnd(12)} ${setting.padEnd(32)} ${who.padEnd(27)}`;
}

function spread(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2;
  return sorted.length === 1 ? `${median}` : `${Number(median.toFixed(3))} (${sorted[0]}–${sorted.at(-1)})`;
}
