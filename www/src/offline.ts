/** Has a service worker keep the page's own files, so that a tab can be opened while the server is away. */

import { loadCharts } from "./charts/lazy";

export function keepFiles(): void {
  // In development they change all the time, and without https there are no workers.
  if (!import.meta.env.PROD || !("serviceWorker" in navigator)) return;
  addEventListener("load", async () => {
    try {
      await navigator.serviceWorker.register("sw.js");
      const { active } = await navigator.serviceWorker.ready;
      // The charts come last: then everything is there.
      await loadCharts();
      const files = performance.getEntriesByType("resource").map(({ name }) => new URL(name));
      const own = files.filter(({ origin, pathname }) => origin === location.origin && pathname.includes("/assets/"));
      active?.postMessage([new URL(".", location.href).href, ...new Set(own.map(({ href }) => href))]);
    } catch {
      // Then a tab is opened with a server only.
    }
  });
}
