// The app's own web server: the page under test, the package from node_modules, tokens and the app's state. It is
// not the tabwire server, so it stays up when that one is killed, as an app's back end would.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const PAGE = fileURLToPath(new URL("../page/", import.meta.url));
const PACKAGE = fileURLToPath(new URL("../node_modules/tabwire/", import.meta.url));
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };

export class Pages {
  #listener;

  /** Whom the app's session is for, when that is not the user a page asks for: the shared cookie names somebody else now. */
  loggedIn;

  /** The page's Content-Security-Policy, if it has one. */
  policy;

  /** How long tokens are good. */
  tokenSeconds;

  /** What pages have told: `computing 3` for the tab with this name, `computed 3`. */
  told = new Set();

  /** Serves the page, with tokens and state of `server`. */
  static async start(server) {
    const pages = new Pages();
    const map = await importMap();
    pages.#listener = createServer((request, response) => {
      pages.#answer(server, map, request).then(
        ({ type, body }) => {
          if (pages.policy) response.setHeader("content-security-policy", pages.policy);
          response.writeHead(200, { "content-type": type }).end(body);
        },
        (error) => response.writeHead(error.code === "ENOENT" ? 404 : 502).end(error.message),
      );
    });
    pages.#listener.listen(0, "127.0.0.1");
    await once(pages.#listener, "listening");
    return pages;
  }

  get url() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  /** Another site, as far as browsers are concerned. */
  get elsewhere() {
    return `http://localhost:${this.#listener.address().port}/elsewhere`;
  }

  close() {
    this.#listener.close();
    this.#listener.closeAllConnections();
  }

  async #answer(server, map, request) {
    const { pathname, searchParams } = new URL(request.url, "http://pages");
    const { userId, shopId } = this.loggedIn ?? { userId: searchParams.get("user"), shopId: searchParams.get("shop") };
    if (pathname === "/token") {
      return { type: "text/plain", body: server.token({ userId, shopId, seconds: this.tokenSeconds }) };
    }
    if (pathname === "/state") {
      return { type: "application/json", body: JSON.stringify(await server.state(server.token({ userId, shopId }))) };
    }
    if (pathname === "/told") {
      this.told.add(searchParams.get("what"));
      return { type: "text/plain", body: "" };
    }
    if (pathname === "/elsewhere") return { type: TYPES[".html"], body: "<!doctype html><title>elsewhere</title>" };
    if (pathname === "/") {
      const html = await readFile(join(PAGE, "index.html"), "utf8");
      return { type: TYPES[".html"], body: html.replace("IMPORT_MAP", map) };
    }
    // Two addresses: to a browser these are two copies.
    const inPackage = /^\/(?:package|copy)(\/.*)/.exec(pathname)?.[1];
    const [folder, path] = inPackage ? [PACKAGE, inPackage] : [PAGE, pathname];
    const body = await readFile(join(folder, normalize(join("/", path))));
    return { type: TYPES[extname(path)] ?? "application/octet-stream", body };
  }
}

/** Where the browser finds `tabwire`: where the package's own `exports` say. */
async function importMap() {
  const { exports } = JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
  const conditions = exports["."];
  const entry = conditions.browser ?? conditions.import ?? conditions.default;
  const path = typeof entry === "string" ? entry : entry.default;
  return JSON.stringify({ imports: { tabwire: join("/package", path) } });
}
