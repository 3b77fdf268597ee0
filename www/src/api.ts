/**
 * The demo server's few calls: a login without a password, the shop's state, and the pranks that only a server can play. Relative
 * to the page, which may be under a path (`--base-path`).
 */

import { isCut } from "./network";
import type { ShopState } from "./wire";

export interface Session {
  userId: string;
  shopId: string;
  /** Set where a tab plays another device of the user: tabs of different devices share nothing. */
  device?: string | undefined;
}

interface Login {
  token: string;
  expiresAt: number;
}

/** A token is used for the demo's calls only while it is good for at least this long, in milliseconds. */
const TOKEN_MARGIN_MS = 30_000;
const tokens = new Map<string, Login>();

export async function freshToken({ userId, shopId }: Session): Promise<string> {
  const login = await call<Login>("login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userId, shopId }),
  });
  tokens.set(userId, login);
  return login.token;
}

/** The shop as the server has it, with the position it is at. */
export async function fetchShop(session: Session, signal: AbortSignal) {
  return call<{ state: ShopState; epoch: string; lastEventId: number }>("state", { headers: await bearer(session), signal });
}

/** The shop's log goes on as another one. */
export async function restartLog(session: Session) {
  return call<{ epoch: string; head: number }>("demo/restart", { method: "POST", headers: await bearer(session) });
}

/** The server publishes a thousand events. */
export async function publishRush(session: Session) {
  return call<{ first: number; last: number }>("demo/rush", { method: "POST", headers: await bearer(session) });
}

async function bearer(session: Session): Promise<{ authorization: string }> {
  const known = tokens.get(session.userId);
  const token = known && known.expiresAt - TOKEN_MARGIN_MS > Date.now() ? known.token : await freshToken(session);
  return { authorization: `Bearer ${token}` };
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  // Not even tried: a real failure would stand in the console as an error, and there is none in the app.
  if (isCut()) throw new Error("the network is cut");
  const response = await fetch(path, init);
  if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}`);
  return response.json() as Promise<T>;
}
