// Waiting for something to become true. Tests never sleep: a sleep is too short on a busy machine and too long on
// any other.

const POLL_MS = 20;

/**
 * Asks `probe` until it answers with something truthy, which is returned. An exception counts as "not yet": a server
 * that is being restarted refuses connections. After `withinMs` it fails with `what` and the last answer.
 */
export async function until(what, probe, { withinMs = 15_000 } = {}) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    let last;
    try {
      last = await probe();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${withinMs} ms: ${what}; last answer: ${describe(last)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function describe(value) {
  return value instanceof Error ? value.message : JSON.stringify(value);
}
