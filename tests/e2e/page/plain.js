// The page that others are compared with: it has a plain WebSocket of its own, and goes on from where it was after a break. It
// says of itself what `tab.js` does, as far as anybody asks.

const { user, shop, server } = Object.fromEntries(new URLSearchParams(location.search));
const record = { events: [] };
let open = false;
let cursor;

Object.assign(window, { record, wire: { getStatus: () => ({ state: open ? "open" : "connecting" }) } });
connect();

async function connect() {
  const token = await (await fetch(`/token?${new URLSearchParams({ user, shop })}`)).text();
  const socket = new WebSocket(server, "tabwire.v1");
  const send = (frame) => socket.send(JSON.stringify(frame));
  socket.onopen = () => send({ t: "hello", v: 1, token, device: user, ...cursor });
  socket.onmessage = ({ data }) => hear(JSON.parse(data), send);
  socket.onclose = () => {
    open = false;
    setTimeout(connect, 1_000 * Math.random()); // as tabwire's first attempt
  };
}

function hear({ t, id, upTo, at, ...frame }, send) {
  if (t === "welcome") {
    cursor ??= { epoch: frame.epoch, view: frame.view, lastEventId: at };
    open = true;
  }
  if (t === "event") record.events.push({ id });
  if (t === "event" || t === "synced" || t === "ping") cursor.lastEventId = id ?? upTo;
  if (t === "ping") send({ t: "pong", lastEventId: upTo });
}
