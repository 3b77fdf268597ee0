// A shared socket of two packages: broadcast-channel elects a tab and tells the others, partysocket keeps the socket open.

import { BroadcastChannel, createLeaderElection } from "broadcast-channel";
import { WebSocket } from "partysocket";

export function share(url, hear, led) {
  const channel = new BroadcastChannel("shop");
  channel.onmessage = hear;
  createLeaderElection(channel).awaitLeadership().then(() => {
    led();
    new WebSocket(url).onmessage = ({ data }) => {
      channel.postMessage(data);
      hear(data);
    };
  });
}
