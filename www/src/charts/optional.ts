import { type ComponentType, lazy } from "react";

/** A component whose code comes when the page stands already; when it cannot come, for want of a network, there is nothing in its place. */
export function optional<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>) {
  return lazy<ComponentType<Props>>(() => load().catch(() => ({ default: () => null })));
}
