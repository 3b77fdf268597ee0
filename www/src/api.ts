/**
 * The demo server's few calls: a login without a password, and the shop's state. Relative to the page, which may be under a path
 * (`--base-path`).
 */

import type { ShopState } from "./wire";

export interface Session {
  userId: string;
  shopId: string;
}

interface Login {
  token: string;
  expiresAt: number;
}

/** A token is used for `GET /state` only while it is good for at least this long, in milliseconds. */
const TOKEN_MARGIN_MS = 30_000;
const tokens = new Map<string, Login>();

export async function freshToken({ userId, shopId }: Session): Promise<string> {
  const response = await fetch("login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ userId, shopId }),
  });
  const login = await answer<Login>(response);
  tokens.set(userId, login);
  return login.token;
}

/** The shop as the server has it, with the position it is at. */
export async function fetchShop(session: Session, signal: AbortSignal) {
  const known = tokens.get(session.userId);
  const token = known && known.expiresAt - TOKEN_MARGIN_MS > Date.now() ? known.token : await freshToken(session);
  const response = await fetch("state", { headers: { authorization: `Bearer ${token}` }, signal });
  return answer<{ state: ShopState; epoch: string; lastEventId: number }>(response);
}

async function answer<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${new URL(response.url).pathname} answered ${response.status}`);
  return response.json() as Promise<T>;
}
