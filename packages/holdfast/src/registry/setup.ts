import type { Definitions } from "@holdfast/server";
import { Registry } from "./registry.ts";
import type { SetupOptions } from "./registry-options.ts";

export type { SetupOptions } from "./registry-options.ts";

/**
 * Makes a registry of actors, kept in SQLite. Nothing is opened before the first request or
 * `registry.start()`; a second process on the same data directory gets `store.locked`.
 * Throws `gateway.invalid_config` for options of a wrong type or that exclude each other;
 * names in the log, once, those that do not exist.
 */
export function setup<const Actors extends Definitions>(options: SetupOptions<Actors>): Registry<Actors> {
  return new Registry(options);
}
