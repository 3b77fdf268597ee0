/**
 * A switch for the network, for the demo only: it closes the real socket and keeps new ones from connecting for a while, in all tabs
 * of this browser and in those that are opened meanwhile. An app has no need of this file; tabwire takes whatever `WebSocket` the
 * page has.
 */

import { create } from "zustand";

const KEY = "tabwire-demo:cut";

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
  // Whoever leads next must find the network gone too, and so must a tab that is opened now.
  addEventListener("storage", (event) => event.key === KEY && cut(Number(event.newValue)));
  cut(Number(localStorage.getItem(KEY)));
}

/** Takes the network away from all tabs of this browser. */
export function cutNetwork(seconds: number): void {
  const until = Date.now() + seconds * 1_000;
  localStorage.setItem(KEY, String(until));
  cut(until);
}

export function isCut(): boolean {
  return Date.now() < useNetwork.getState().cutUntil;
}

function cut(cutUntil: number): void {
  if (!(cutUntil > Date.now())) return;
  useNetwork.setState({ cutUntil });
  for (const socket of sockets) if (socket.readyState === WebSocket.OPEN) socket.close();
  setTimeout(() => {
    if (useNetwork.getState().cutUntil !== cutUntil) return; // cut again meanwhile
    useNetwork.setState({ cutUntil: 0 });
    dispatchEvent(new Event("online")); // as the browser says it when a cable is plugged in
  }, cutUntil - Date.now());
}
