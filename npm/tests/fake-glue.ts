/** Stands for what wasm-bindgen makes, for a module that is loaded at once. */

export { FakeClient as Client } from "./fake-client.js";

export const glue = { sources: [] as unknown[], failure: undefined as unknown, crash: (_cause: unknown): void => {} };

export function onCrash(tell: (cause: unknown) => void): void {
  glue.crash = tell;
}

export async function instantiate(bytes: BufferSource): Promise<void> {
  glue.sources.push(bytes);
  if (glue.failure) throw glue.failure;
}

export default async function init({ module_or_path }: { module_or_path: unknown }): Promise<void> {
  glue.sources.push(await module_or_path);
  if (glue.failure) throw glue.failure;
}
