// What a page loads of each client: the smallest app that shows an event, minified, as gzip -9 and as brotli 11.
//
// The entries for frameworks are measured whole, with `createTabwire` and without the framework, which its app has anyway. The numbers
// are those of npm/.size-limit.mjs but for some tens of bytes, which are the app; that file gives what such an entry adds, and of
// tabwire/slim what is not the module.

import { readFile } from "node:fs/promises";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

import { bundle } from "../harness/bundle.mjs";

const FRAMEWORKS = ["react", "zustand", "redux", "@reduxjs/toolkit"];
const SHOWS = '.on("order_created", console.log)';
const MODULE = new URL("../node_modules/tabwire/dist/tabwire.wasm", import.meta.url);

const tabwire = (setting, app, files = []) => ({ who: "tabwire", setting, app, files });
const peer = (who, setting, app) => ({ who, setting, app, files: [] });

const APPS = [
  tabwire("tabwire", `import { createTabwire } from "tabwire"; createTabwire(globalThis.options)${SHOWS};`),
  tabwire("tabwire/slim", `import { createTabwire, init } from "tabwire/slim"; await init("/tabwire.wasm"); createTabwire(globalThis.options)${SHOWS};`, [MODULE]),
  ...["react", "zustand", "redux"].map((framework) =>
    tabwire(`tabwire/${framework}`, `import { createTabwire } from "tabwire"; import * as entry from "tabwire/${framework}"; globalThis.app = [createTabwire, entry];`),
  ),
  peer("socket.io-client", "socket.io-client", `import { io } from "socket.io-client"; io()${SHOWS};`),
  peer(
    "centrifuge",
    "centrifuge",
    'import { Centrifuge } from "centrifuge"; const client = new Centrifuge("/ws"); const shop = client.newSubscription("shop"); shop.on("publication", console.log); shop.subscribe(); client.connect();',
  ),
  // @anycable/core is what it is built on, and has neither a socket nor anything else of a browser's.
  peer(
    "anycable",
    "@anycable/web",
    'import { createCable } from "@anycable/web"; createCable().streamFrom("shop").on("message", console.log);',
  ),
  peer("partysocket", "partysocket", 'import { WebSocket } from "partysocket"; new WebSocket("/ws").onmessage = console.log;'),
  peer("partysocket", "partysocket + broadcast-channel", 'import { share } from "./page/shared-partysocket.js"; share("/ws", console.log, () => {});'),
];

export async function size({ results }) {
  for (const { who, setting, app, files } of APPS) {
    const parts = [await bundle(app, { external: FRAMEWORKS }), ...(await Promise.all(files.map((file) => readFile(file))))];
    const total = (compressed) => parts.reduce((bytes, part) => bytes + compressed(part).length, 0) / 1_000;
    const figures = { gzip_kb: total(gzip), brotli_kb: total(brotli), minified_kb: total((part) => part) };
    results.add({ bench: "size", setting, who, figures });
  }
}

function gzip(bytes) {
  return gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
}

function brotli(bytes) {
  return brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } });
}
