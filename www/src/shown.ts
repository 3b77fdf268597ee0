/**
 * What of a store is on the screen: it follows the store once per frame. A store is set once per delivery, and a thousand events
 * that come within a second are some hundreds of those: no eye sees what is between two frames.
 */

import { useRef, useSyncExternalStore } from "react";
import type { StoreApi } from "zustand";

/** For a hidden page, whose frames stand still, and for what need not be quick. */
const SLOW_MS = 150;

interface Shown<State> {
  state: State;
  readonly listeners: Set<() => void>;
}

const all = new WeakMap<object, Shown<unknown>>();
const slow = new WeakMap<object, Shown<unknown>>();

/** As `useStore`, once per frame. `selector` gives what is in the state, nothing made anew. */
export function useShown<State, Selected>(store: StoreApi<State>, selector: (state: State) => Selected): Selected {
  return useFollowed(follow(all, store, nextFrame), selector);
}

/** The same, some times a second. */
export function useShownSlowly<State, Selected>(store: StoreApi<State>, selector: (state: State) => Selected): Selected {
  return useFollowed(follow(slow, store, soon), selector);
}

function useFollowed<State, Selected>(shown: Shown<State>, selector: (state: State) => Selected): Selected {
  const latest = useRef(selector);
  latest.current = selector;
  const subscribe = useRef((listener: () => void) => {
    shown.listeners.add(listener);
    return () => void shown.listeners.delete(listener);
  });
  return useSyncExternalStore(subscribe.current, () => latest.current(shown.state));
}

function follow<State>(known: WeakMap<object, Shown<unknown>>, store: StoreApi<State>, later: (run: () => void) => void): Shown<State> {
  const before = known.get(store) as Shown<State> | undefined;
  if (before) return before;
  const shown: Shown<State> = { state: store.getState(), listeners: new Set() };
  let due = false;
  store.subscribe(() => {
    if (due) return;
    due = true;
    later(() => {
      due = false;
      shown.state = store.getState();
      for (const listener of shown.listeners) listener();
    });
  });
  known.set(store, shown as Shown<unknown>);
  return shown;
}

function nextFrame(run: () => void): void {
  if (document.visibilityState === "visible") requestAnimationFrame(run);
  else soon(run);
}

function soon(run: () => void): void {
  setTimeout(run, SLOW_MS);
}
