// What is measured, by the name it has in the results: its page, its feed, and what it tells its page beside where the feed is.

const websocketOnly = { transports: ["websocket"] };

export const SUBJECTS = {
  /** A WebSocket and `JSON.parse`: less than this does not show an event. */
  websocket: { page: "websocket", feed: "websocket" },
  /** A BroadcastChannel alone, on which a tab posts what no socket has brought: less than this tells no other tab. */
  broadcastchannel: { page: "broadcastchannel" },
  /** A Web Lock, a BroadcastChannel and a WebSocket by hand: less than this does not share a socket. */
  bare: { page: "bare", feed: "websocket" },
  tabwire: { page: "tabwire", feed: "tabwire" },
  "tabwire-slim": { page: "tabwire-slim", feed: "tabwire" },
  /** As it comes: HTTP polling first, then a WebSocket. */
  "socket.io-client": { page: "socketio", feed: "socketio" },
  "socket.io-client-websocket": { page: "socketio", feed: "socketio", options: websocketOnly },
  /** partysocket and broadcast-channel together. */
  partysocket: { page: "partysocket", feed: "websocket" },
};
