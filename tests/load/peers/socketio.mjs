// Socket.IO as its documentation sets it up for what tabwire does: rooms, a JWT in the handshake, connection state recovery; with an
// address of Redis also its Streams adapter. node socketio.mjs PORT SECRET [redis://…]

import { createServer } from "node:http";
import jwt from "jsonwebtoken";
import { Server } from "socket.io";

const [port, secret, redis] = process.argv.slice(2);

const options = {
  transports: ["websocket"],
  connectionStateRecovery: { maxDisconnectionDuration: 10 * 60_000 },
};
if (redis) {
  const { createClient } = await import("redis");
  const { createAdapter } = await import("@socket.io/redis-streams-adapter");
  const client = createClient({ url: redis });
  await client.connect();
  options.adapter = createAdapter(client, { maxLen: 10_000 });
}

const http = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  if (pathname !== "/publish") return;
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    for (const payload of JSON.parse(Buffer.concat(parts))) io.to(searchParams.get("shop")).emit("tick", payload);
    response.writeHead(200, { "content-length": 2 }).end("ok");
  });
});
const io = new Server(http, options);
io.use((socket, next) => {
  try {
    socket.data = jwt.verify(socket.handshake.auth.token, secret);
    next();
  } catch (error) {
    next(error);
  }
});
io.on("connection", (socket) => socket.join(socket.data.shopId));
http.listen(Number(port), "127.0.0.1");
