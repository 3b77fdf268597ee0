// A slower machine on a slower network, as Chromium's developer tools make it: Lighthouse's profile of a mid-range phone on slow 4G.

const PROCESSOR_SLOWER = 4;
const LATENCY_MS = 150;
const DOWN_BITS_PER_S = 1_600_000;
const UP_BITS_PER_S = 750_000;

/** What `page` loads from now on it loads slowly. */
export async function slowDown(page) {
  const session = await page.devTools();
  await session.send("Network.enable");
  await session.send("Network.emulateNetworkConditions", {
    offline: false,
    latency: LATENCY_MS,
    downloadThroughput: DOWN_BITS_PER_S / 8,
    uploadThroughput: UP_BITS_PER_S / 8,
  });
  await session.send("Emulation.setCPUThrottlingRate", { rate: PROCESSOR_SLOWER });
}
