// The app's client, in a module of its own: only a change of this file makes another one.

import { createTabwire } from "tabwire";
import { type Commands, type Events, fetchShop, getToken, type Shop, USER } from "../backend.js";

export const wire = createTabwire<Events, Commands, Shop>({
  url: "/ws",
  user: USER,
  getToken,
  fetchState: ({ signal }) => fetchShop(signal),
});

/** How often there was another one: it outlives the module. */
window.clients = (window.clients ?? 0) + 1;

import.meta.hot?.dispose(() => wire.close());
