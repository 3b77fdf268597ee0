// A WebSocket server that tells everybody everything, and asks nobody who it is.

import { once } from "node:events";
import { WebSocketServer } from "ws";

import { publish } from "./publishing.mjs";

const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
await once(server, "listening");
let id = 0;
publish({ server: `ws://127.0.0.1:${server.address().port}` }, (payloads) => {
  for (const payload of payloads) {
    const event = JSON.stringify({ id: (id += 1), type: "order_created", payload });
    for (const socket of server.clients) socket.send(event);
  }
});
