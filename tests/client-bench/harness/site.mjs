// The site that serves the pages: one template for all subjects, each with a bundle of its own, compressed and never kept.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { constants, gzipSync } from "node:zlib";

import { bundle } from "./bundle.mjs";

const MODULE = new URL("../node_modules/tabwire/dist/tabwire.wasm", import.meta.url);

export class Site {
  #listener;
  #files = new Map();

  /** Serves the pages of ../page with these names. */
  static async start(pages) {
    const site = new Site();
    site.#add("/empty", "text/html", "<!doctype html>");
    site.#add("/tabwire.wasm", "application/wasm", await readFile(MODULE));
    for (const page of pages) site.#add(`/${page}.js`, "text/javascript", await bundle(`page/${page}.js`));
    site.#listener = createServer((request, response) => site.#answer(request, response));
    site.#listener.listen(0, "127.0.0.1");
    await once(site.#listener, "listening");
    return site;
  }

  /** Where `page` is, with what it will find in its options. */
  address(page, options) {
    return `http://127.0.0.1:${this.#listener.address().port}/${page}?options=${encodeURIComponent(JSON.stringify(options))}`;
  }

  /** A page with nothing in it. */
  get empty() {
    return `http://127.0.0.1:${this.#listener.address().port}/empty`;
  }

  close() {
    this.#listener.close();
    this.#listener.closeAllConnections();
  }

  #add(path, type, bytes) {
    this.#files.set(path, { type, body: gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }) });
  }

  #answer(request, response) {
    const { pathname, searchParams } = new URL(request.url, "http://site");
    const options = searchParams.get("options");
    const page = options && { type: "text/html", body: gzipSync(template(pathname, options)) };
    const { type, body } = page || this.#files.get(pathname) || {};
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": type, "content-encoding": "gzip", "content-length": body.length, "cache-control": "no-store" });
    response.end(body);
  }
}

function template(page, options) {
  return `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <title>${page}</title>
  <link rel="icon" href="data:," />
  <script type="application/json" id="options">${options.replaceAll("<", "\\u003c")}</script>
  <script type="module" src="${page}.js"></script>
  <p id="first"></p>
</html>
`;
}
