/** What a person sees of a tab without looking at it: its title and its icon say whether it leads, follows or is offline. */

import type { TabwireStatus } from "tabwire";
import { usePage } from "./session";
import { OWN_ID } from "./tabs";

const TITLE = "tabwire demo";
const COLOURS = { leads: "#4f46e5", follows: "#64748b", away: "#b45309" };

export function showBadge(): void {
  let off: (() => void) | undefined;
  const show = () => {
    off?.();
    const { wire } = usePage.getState();
    if (!wire) return badge(TITLE, "leads");
    const say = () => badge(...words(wire.getStatus()));
    off = wire.subscribe(say);
    say();
  };
  usePage.subscribe(show);
  show();
}

function words({ state, role, reason }: TabwireStatus): [title: string, look: keyof typeof COLOURS] {
  if (state === "stopped") return [`${reason ?? "stopped"} · ${TITLE}`, "away"];
  if (state === "reconnecting") return [`offline · ${TITLE}`, "away"];
  if (role === "leader" || role === "solo") return [`★ ${OWN_ID} leads · ${TITLE}`, "leads"];
  if (role === "follower") return [`${OWN_ID} follows · ${TITLE}`, "follows"];
  return [TITLE, "leads"];
}

function badge(title: string, look: keyof typeof COLOURS): void {
  document.title = title;
  const shape = look === "follows" ? "M9 16h14" : "M7 10h18M16 10v12M11 16h10";
  const icon = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><rect width='32' height='32' rx='8' fill='${COLOURS[look]}'/><path d='${shape}' stroke='white' stroke-width='3' stroke-linecap='round' fill='none'/></svg>`;
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  const href = `data:image/svg+xml,${encodeURIComponent(icon)}`;
  if (link && link.href !== href) link.href = href;
}
