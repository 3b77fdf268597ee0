// The channel of `bare` alone. `post` says events to the other tabs, as a burst from a socket would.

import { hear } from "./page.js";

const channel = new BroadcastChannel("shop");
channel.onmessage = ({ data }) => hear(JSON.parse(data).payload);

window.post = (events) => {
  const texts = events.map((event) => JSON.stringify(event));
  hear(events[0].payload);
  for (const text of texts) channel.postMessage(text);
  hear(events.at(-1).payload);
};
