/** Light or dark: as the system has it, until a person chooses. `index.html` puts the choice in place before anything is painted. */

import { create } from "zustand";

export type Theme = "light" | "dark";

const KEY = "tabwire-demo:theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

export const useTheme = create<{ theme: Theme }>()(() => ({ theme: now() }));

export function switchTheme(): void {
  const theme = now() === "dark" ? "light" : "dark";
  localStorage.setItem(KEY, theme);
  show(theme);
}

dark.addEventListener("change", () => useTheme.setState({ theme: now() }));
addEventListener("storage", ({ key, newValue }) => key === KEY && (newValue === "light" || newValue === "dark") && show(newValue));

function show(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  useTheme.setState({ theme });
}

function now(): Theme {
  return (document.documentElement.dataset.theme as Theme | undefined) ?? (dark.matches ? "dark" : "light");
}
