/** `createTabwire`, whichever way the module is loaded. */

import { Handle } from "./handle.js";
import type { RegisteredCommands, RegisteredEvents, RegisteredState, Tabwire, TabwireOptions } from "./types.js";
import type { Loader } from "./wasm.js";

export function createWith<Events extends object, Commands extends object, State>(
  load: Loader,
  options: TabwireOptions<State>,
): Tabwire<Events, Commands, State> {
  const handle = new Handle(options, load);
  handle.open();
  return handle as unknown as Tabwire<Events, Commands, State>;
}

export type CreateTabwire = <
  Events extends object = RegisteredEvents,
  Commands extends object = RegisteredCommands,
  State = RegisteredState,
>(
  options: TabwireOptions<State>,
) => Tabwire<Events, Commands, State>;
