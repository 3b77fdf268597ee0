/**
 * Who is logged in in this tab. Tabs remember their own user (the address, then sessionStorage); a new tab joins the user of
 * the others (localStorage), because sharing a socket is the point of the demo. A user or a device that stands in the address is
 * this tab's alone.
 */

import type { Tabwire } from "tabwire";
import { create } from "zustand";
import type { Session } from "./api";
import { followLatency } from "./latency";
import { note, startLog } from "./log";
import { forgetShop, openShop } from "./shop";
import { joinTabs, leaveTabs } from "./tabs";
import { followTimeline } from "./timeline";
import { connect } from "./wire";

const KEY = "tabwire-demo:session";

export const SHOPS = [
  { shopId: "northside", name: "Northside Bakery" },
  { shopId: "harbour", name: "Harbour Coffee" },
] as const;

interface Page {
  session?: Session | undefined;
  wire?: Tabwire | undefined;
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
  return `${names[Math.floor(Math.random() * names.length)]}-${randomLetters()}`;
}

function randomLetters(): string {
  return Math.random().toString(36).slice(2, 5).padEnd(3, "0");
}

/** The address of a tab that plays somebody else in the same shop. */
export function addressOfAnother({ shopId }: Session): string {
  return address({ userId: `${randomName()}@${shopId}`, shopId });
}

/** The address of a tab that plays another device of the same user. */
export function addressOfDevice({ userId, shopId }: Session): string {
  return address({ userId, shopId, device: `device-${randomLetters()}` });
}

function address({ userId, shopId, device }: Session): string {
  const there = new URL(location.pathname, location.href);
  for (const [name, value] of Object.entries({ user: userId, shop: shopId, device })) if (value) there.searchParams.set(name, value);
  return there.href;
}

/** Goes on as whoever this tab or the other tabs are; without anybody the login form shows. */
export function resume(): void {
  const asked = new URLSearchParams(location.search);
  const [userId, shopId, device] = ["user", "shop", "device"].map((name) => asked.get(name) ?? undefined);
  if (userId && shopId) start({ userId, shopId, device });
  else {
    const session = read(sessionStorage) ?? read(localStorage);
    if (session) logIn(session);
  }
}

/** From now on new tabs join this user. */
export function logIn(session: Session): void {
  localStorage.setItem(KEY, JSON.stringify(session));
  start(session);
}

function start(session: Session): void {
  sessionStorage.setItem(KEY, JSON.stringify(session));
  const group = [session.userId, session.device].filter(Boolean).join("/");
  const cursor = openShop(`tabwire-demo:shop:${group}`);
  startLog(cursor?.lastEventId ?? 0);
  const wire = connect(session, cursor);
  note("demo", `joined ${shopName(session.shopId)} as ${userName(session.userId)}${cursor ? `, going on from #${cursor.lastEventId}` : ""}`);
  joinTabs(wire, group);
  followTimeline(wire);
  followLatency(wire);
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
  forgetShop();
  usePage.setState({ session: undefined, wire: undefined });
  history.replaceState(null, "", location.pathname);
  // Not while the client tells its listeners: it is still in the middle of stopping.
  queueMicrotask(() => wire?.close());
}

function read(storage: Storage): Session | undefined {
  try {
    const { userId, shopId, device } = JSON.parse(storage.getItem(KEY) ?? "{}") as Partial<Session>;
    return userId && shopId ? { userId, shopId, device } : undefined;
  } catch {
    return undefined;
  }
}
