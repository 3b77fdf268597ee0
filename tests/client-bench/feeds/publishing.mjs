// What all feeds do: publish what they are told by the process that started them, with `emit`, which takes an array of payloads.

const TICK_MS = 5;
const PAYLOAD_BYTES = 200;
const IN_A_BURST_AT_ONCE = 100;

let published = 0;

/** Tells pages' `options`, then does what it is told. */
export function publish(options, emit) {
  let ticking;
  process.on("message", async ({ rate = 0, burst = 0 }) => {
    clearInterval(ticking);
    if (rate > 0) ticking = tick(rate, emit);
    for (let left = burst; left > 0; left -= IN_A_BURST_AT_ONCE) await emit(payloads(Math.min(left, IN_A_BURST_AT_ONCE)));
    if (burst > 0) process.send("published");
  });
  process.send(options);
}

function tick(rate, emit) {
  const from = performance.now();
  let done = 0;
  return setInterval(async () => {
    const due = Math.floor(((performance.now() - from) * rate) / 1000) - done;
    if (due <= 0) return;
    done += due;
    await emit(payloads(due));
  }, TICK_MS);
}

function payloads(count) {
  return Array.from({ length: count }, () => {
    const payload = { orderId: `o_${(published += 1)}`, customer: "Ada", note: "" };
    payload.note = "x".repeat(PAYLOAD_BYTES - JSON.stringify(payload).length);
    return payload;
  });
}
