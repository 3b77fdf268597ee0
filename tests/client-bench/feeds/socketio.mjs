// A Socket.IO server as its documentation sets it up, open to everybody.

import { once } from "node:events";
import { createServer } from "node:http";
import { Server } from "socket.io";

import { publish } from "./publishing.mjs";

const http = createServer();
const io = new Server(http, { cors: { origin: "*" } });
http.listen(0, "127.0.0.1");
await once(http, "listening");
publish({ server: `http://127.0.0.1:${http.address().port}` }, (payloads) => {
  for (const payload of payloads) io.emit("order_created", payload);
});
