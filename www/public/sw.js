// Keeps the page's own files, so that a tab can be opened while the server is away: it shows what was last seen, and says so. What the
// server answers is never kept here: the shop and its cursor are the page's matter.

const FILES = "tabwire-demo-files";

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

// The page names what it is made of: that much was there before this worker, and what it does not name is of an older build.
addEventListener("message", (event) => event.waitUntil(keep(event.data).catch(() => {})));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate") event.respondWith(fresh(request));
  // Their names change with their content.
  else if (pathname.includes("/assets/")) event.respondWith(kept(request));
});

async function keep(urls) {
  const files = await caches.open(FILES);
  await files.addAll(urls);
  const old = (await files.keys()).filter(({ url }) => !urls.includes(url));
  await Promise.all(old.map((request) => files.delete(request)));
}

/** From the server while there is one. */
async function fresh(request) {
  const files = await caches.open(FILES);
  const page = new URL(registration.scope);
  try {
    const response = await fetch(request);
    if (response.ok) void files.put(page, response.clone());
    return response;
  } catch (gone) {
    const before = await files.match(page);
    if (before) return before;
    throw gone;
  }
}

async function kept(request) {
  const files = await caches.open(FILES);
  const before = await files.match(request);
  if (before) return before;
  const response = await fetch(request);
  if (response.ok) void files.put(request, response.clone());
  return response;
}
