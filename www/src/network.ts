/**
 * A switch for the network, for the demo only: it closes the real socket and keeps new ones from connecting for a while. An app
 * has no need of this file; tabwire takes whatever `WebSocket` the page has.
 */

import { create } from "zustand";

/** When the network is back, by `Date.now()`; 0: it is there. */
export const useNetwork = create<{ cutUntil: number }>()(() => ({ cutUntil: 0 }));

const sockets = new Set<WebSocket>();

/** A socket that finds no network. A real one would fill the console with errors that are none of the app's. */
class Unreachable {
  onclose: ((event: CloseEvent) => void) | null = null;

  constructor() {
    setTimeout(() => this.onclose?.(new CloseEvent("close", { code: 1006 })));
  }

  send(): void {}
  close(): void {}
}

/** Before the first client is made. */
export function installSwitch(): void {
  if (typeof WebSocket === "undefined") return; // tabwire says so
  window.WebSocket = new Proxy(WebSocket, {
    construct(Real, args: ConstructorParameters<typeof WebSocket>) {
      // Vite's own socket in development is not part of the game.
      if (!String(args[1]).includes("tabwire")) return new Real(...args);
      if (isCut()) return new Unreachable();
      const socket = new Real(...args);
      sockets.add(socket);
      socket.addEventListener("open", () => isCut() && socket.close());
      socket.addEventListener("close", () => sockets.delete(socket));
      return socket;
    },
  });
}

/** In this tab. The tabs tell each other, since whoever leads next must find the network gone too. */
export function cutNetwork(seconds: number): void {
  const cutUntil = Date.now() + seconds * 1_000;
  useNetwork.setState({ cutUntil });
  for (const socket of sockets) if (socket.readyState === WebSocket.OPEN) socket.close();
  setTimeout(() => {
    if (useNetwork.getState().cutUntil !== cutUntil) return; // cut again meanwhile
    useNetwork.setState({ cutUntil: 0 });
    dispatchEvent(new Event("online")); // as the browser says it when a cable is plugged in
  }, seconds * 1_000);
}

function isCut(): boolean {
  return Date.now() < useNetwork.getState().cutUntil;
}
