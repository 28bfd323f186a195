import type { Definitions } from "@holdfast/server";
import { Registry } from "./registry.ts";
import type { SetupOptions } from "./registry-options.ts";

export type { SetupOptions } from "./registry-options.ts";

/**
 * Creates a registry of actors that are stored in SQLite. Opens nothing before the first request or
 * `registry.start()`; a second process on the same data directory gets `store.locked`. Throws `gateway.invalid_config`
 * for options of a wrong type or that exclude each other. Unknown options are logged once.
 */
export function setup<const Actors extends Definitions>(options: SetupOptions<Actors>): Registry<Actors> {
  return new Registry(options);
}
