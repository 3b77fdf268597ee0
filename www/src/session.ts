/**
 * Who is logged in in this tab. Tabs remember their own user (the address, then sessionStorage); a new tab joins the user of
 * the others (localStorage), because sharing a socket is the point of the demo.
 */

import type { Tabwire } from "tabwire";
import { create } from "zustand";
import type { Session } from "./api";
import { note } from "./log";
import { useShop } from "./shop";
import { joinTabs, leaveTabs } from "./tabs";
import { connect } from "./wire";

const KEY = "tabwire-demo:session";

export const SHOPS = [
  { shopId: "northside", name: "Northside Bakery" },
  { shopId: "harbour", name: "Harbour Coffee" },
] as const;

interface Page {
  session?: Session;
  wire?: Tabwire;
}

export const usePage = create<Page>()(() => ({}));

export function shopName(shopId: string): string {
  return SHOPS.find((shop) => shop.shopId === shopId)?.name ?? shopId;
}

/** The name without the shop. A user belongs to one shop: users are unique in the whole system. */
export function userName(userId: string): string {
  return userId.split("@")[0] ?? userId;
}

export function randomName(): string {
  const names = ["ana", "ben", "cleo", "dan", "eva", "finn", "gwen", "hugo"];
  return `${names[Math.floor(Math.random() * names.length)]}-${Math.random().toString(36).slice(2, 5)}`;
}

/** Goes on as whoever this tab or the other tabs are; without anybody the login form shows. */
export function resume(): void {
  const address = new URLSearchParams(location.search);
  const [userId, shopId] = [address.get("user"), address.get("shop")];
  const session = userId && shopId ? { userId, shopId } : (read(sessionStorage) ?? read(localStorage));
  if (session) logIn(session);
}

export function logIn(session: Session): void {
  for (const storage of [sessionStorage, localStorage]) storage.setItem(KEY, JSON.stringify(session));
  const wire = connect(session);
  note("demo", `joined ${shopName(session.shopId)} as ${userName(session.userId)}`);
  joinTabs(wire, session.userId);
  wire.subscribe(() => {
    if (wire.getStatus().reason === "logged_out") forget();
  });
  usePage.setState({ session, wire });
}

/** Logs out all tabs of the user: each hears of it by its status. */
export function logOut(): void {
  const { wire } = usePage.getState();
  wire?.logout();
  if (wire?.getStatus().reason === "unsupported") forget(); // there is no client to hear of it from
}

function forget(): void {
  const { session, wire } = usePage.getState();
  sessionStorage.removeItem(KEY);
  if (read(localStorage)?.userId === session?.userId) localStorage.removeItem(KEY);
  leaveTabs();
  useShop.setState(useShop.getInitialState());
  usePage.setState({ session: undefined, wire: undefined });
  history.replaceState(null, "", location.pathname);
  // Not while the client tells its listeners: it is still in the middle of stopping.
  queueMicrotask(() => wire?.close());
}

function read(storage: Storage): Session | undefined {
  try {
    const { userId, shopId } = JSON.parse(storage.getItem(KEY) ?? "{}") as Partial<Session>;
    return userId && shopId ? { userId, shopId } : undefined;
  } catch {
    return undefined;
  }
}
