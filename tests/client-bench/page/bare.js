// What the browser has, by hand: the tab with the Web Lock has the socket and posts what it hears. The floor of all that share one.

import { hear, led, options } from "./page.js";

const channel = new BroadcastChannel("shop");
channel.onmessage = ({ data }) => hear(JSON.parse(data).payload);
navigator.locks.request("shop", () => {
  led();
  new WebSocket(options.server).onmessage = ({ data }) => {
    channel.postMessage(data);
    hear(JSON.parse(data).payload);
  };
  return new Promise(() => {});
});
