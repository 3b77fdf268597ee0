/**
 * A switch for the network, for the demo only: it closes the real socket and refuses new ones for a while. An app has no need of
 * this file; tabwire takes whatever `WebSocket` the page has.
 */

import { create } from "zustand";

/** When the network is back, by `Date.now()`; 0: it is there. */
export const useNetwork = create<{ cutUntil: number }>()(() => ({ cutUntil: 0 }));

const sockets = new Set<WebSocket>();

class SwitchableSocket extends WebSocket {
  constructor(url: string | URL, protocols?: string | string[]) {
    super(url, protocols);
    // Vite's own socket in development is not part of the game.
    if (!String(protocols).includes("tabwire")) return;
    sockets.add(this);
    this.addEventListener("close", () => sockets.delete(this));
    if (Date.now() < useNetwork.getState().cutUntil) this.close();
  }
}

/** Before the first client is made. */
export function installSwitch(): void {
  window.WebSocket = SwitchableSocket;
}

/** In this tab. The tabs tell each other, since whoever leads next must find the network gone too. */
export function cutNetwork(seconds: number): void {
  const cutUntil = Date.now() + seconds * 1_000;
  useNetwork.setState({ cutUntil });
  for (const socket of sockets) socket.close();
  setTimeout(() => {
    if (useNetwork.getState().cutUntil === cutUntil) useNetwork.setState({ cutUntil: 0 });
  }, seconds * 1_000);
}
