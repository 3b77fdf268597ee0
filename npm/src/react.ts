"use client";
/** React: one provider, and hooks that are a subscription each. Nothing is opened while rendering. */

import embedded from "tabwire:embedded";
import { type Context, createContext, createElement, type ReactNode, useContext, useEffect, useInsertionEffect, useMemo, useRef, useSyncExternalStore } from "react";
import { TabwireError } from "./errors.js";
import { Handle } from "./handle.js";
import { IDLE_STATE, LiveState, type LiveSnapshot, type LiveStateOptions } from "./live-state.js";
import { loadEmbedded } from "./load.js";
import { IDLE } from "./status.js";
import type {
  RegisteredCommands,
  RegisteredEvents,
  RegisteredState,
  Tabwire,
  TabwireEvent,
  TabwireOptions,
  TabwireStatus,
  TypeOf,
} from "./types.js";

export type { LiveSnapshot, LiveStateOptions } from "./live-state.js";

export type TabwireProviderProps = { readonly children?: ReactNode } & (
  | {
      /** Makes a client that lives as long as the provider. Another `url`, `user`, `namespace` or `stateKey` makes another one; new functions are taken over. */
      readonly options: TabwireOptions;
      readonly client?: never;
    }
  | {
      /** A client made elsewhere, which whoever made it closes. */
      readonly client: Tabwire<any, any, any>;
      readonly options?: never;
    }
);

/**
 * Where the hooks find the client. An app with a client of `tabwire/slim` gives it here, instead of to a `TabwireProvider`, which
 * can also make one and so brings the embedded module along.
 */
export const TabwireContext: Context<Tabwire<any, any, any> | undefined> = createContext<Tabwire<any, any, any> | undefined>(undefined);

export function TabwireProvider({ options, client, children }: TabwireProviderProps): ReactNode {
  return options
    ? createElement(OwningProvider, { options }, children)
    : createElement(TabwireContext.Provider, { value: client }, children);
}

function OwningProvider({ options, children }: { readonly options: TabwireOptions; readonly children?: ReactNode }): ReactNode {
  const { url, user, namespace, stateKey } = options;
  // A handle does nothing until it is opened, so React may throw away what it has rendered.
  const handle = useMemo(() => new Handle(options, () => loadEmbedded(embedded)), [url, user, namespace, stateKey]);
  useInsertionEffect(() => {
    handle.options = options;
  });
  // Effects of children run first: their handlers are there before the first event.
  useEffect(() => {
    handle.open();
    return handle.close;
  }, [handle]);
  return createElement(TabwireContext.Provider, { value: handle as unknown as Tabwire<any, any, any> }, children);
}

/** The client of the provider above. */
export function useTabwire<
  Events extends object = RegisteredEvents,
  Commands extends object = RegisteredCommands,
  State = RegisteredState,
>(): Tabwire<Events, Commands, State> {
  const client = useContext(TabwireContext);
  if (!client) throw new TabwireError("no_provider", "useTabwire: put a <TabwireProvider> above the component");
  return client;
}

/** The status, or what `selector` takes from it: the component renders again only when that changes. */
export function useTabwireStatus(): TabwireStatus;
export function useTabwireStatus<Selected>(selector: (status: TabwireStatus) => Selected): Selected;
export function useTabwireStatus(selector: (status: TabwireStatus) => unknown = (status) => status): unknown {
  const { subscribe, getStatus } = useTabwire();
  const getSelected = useMemo(() => {
    // One result per status: a selector that makes objects must not look like a change at every call.
    let last: { status: TabwireStatus; selected: unknown } | undefined;
    return () => {
      const status = getStatus();
      if (last?.status !== status) last = { status, selected: selector(status) };
      return last.selected;
    };
  }, [getStatus, selector]);
  const selectedOnServer = useMemo(() => {
    const selected = selector(IDLE);
    return () => selected;
  }, [selector]);
  return useSyncExternalStore(subscribe, getSelected, selectedOnServer);
}

/** Calls the latest `handler` for each event of the type, without subscribing anew when it changes. */
export function useTabwireEvent<Events extends object = RegisteredEvents, Type extends TypeOf<Events> = TypeOf<Events>>(
  type: Type,
  handler: (event: TabwireEvent<Events, Type>) => unknown,
): void {
  const { on } = useTabwire<Events>();
  const latest = useRef(handler);
  useInsertionEffect(() => {
    latest.current = handler;
  });
  useEffect(() => on(type, (event) => latest.current(event)), [on, type]);
}

/**
 * A state of this component: fetched when it mounts and when events were missed, and reduced by the events after it. One render
 * per batch; the latest `reduce` is used without subscribing anew.
 */
export function useTabwireState<State, Events extends object = RegisteredEvents>(options: LiveStateOptions<State, Events>): LiveSnapshot<State> {
  const client = useTabwire();
  const live = useMemo(() => new LiveState(client, options), [client, options.key]);
  useInsertionEffect(() => {
    live.options = options;
  });
  return useSyncExternalStore(live.subscribe, live.getSnapshot, serverSnapshot);
}

const serverSnapshot = (): LiveSnapshot<never> => IDLE_STATE;
