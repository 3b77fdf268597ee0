// What all feeds do: publish what they are told by the process that started them, with `emit`, which takes an array of payloads.

import { payload } from "../harness/payload.mjs";

const TICK_MS = 5;
const IN_A_BURST_AT_ONCE = 100;

let published = 0;

/** Tells pages' `options`, then does what it is told. Answers how many are published when all that it was told before is done. */
export function publish(options, emit) {
  let ticking;
  let done = Promise.resolve();
  const then = (work) => (done = done.then(work));
  process.on("message", ({ rate = 0, burst = 0 }) => {
    clearInterval(ticking);
    if (rate > 0) ticking = tick(rate, (due) => then(() => emit(payloads(due))));
    for (let left = burst; left > 0; left -= IN_A_BURST_AT_ONCE) then(() => emit(payloads(Math.min(left, IN_A_BURST_AT_ONCE))));
    then(() => process.send(published));
  });
  process.send(options);
}

/** Calls `emit` with how many are due, as evenly as timers are. */
function tick(rate, emit) {
  const from = performance.now();
  let told = 0;
  return setInterval(() => {
    const due = Math.floor(((performance.now() - from) * rate) / 1000) - told;
    told += due;
    if (due > 0) emit(due);
  }, TICK_MS);
}

function payloads(count) {
  return Array.from({ length: count }, () => payload((published += 1)));
}
