/** `setup()` and its registry. */
import { type Definitions, type FetchHandler, Registry as StoredRegistry } from "@holdfast/server";
import { devHost } from "../internal/dev-host.ts";
import { parsedConfig, settingsOf } from "../internal/settings.ts";
import type { ParsedConfig, SetupOptions } from "./registry-options.ts";

export type { ParsedConfig } from "./registry-options.ts";

/** A registry with the options and defaults of {@link setup}. */
export class Registry<const Actors extends Definitions> extends StoredRegistry<Actors> {
  /** The options that it was created with. */
  readonly config: SetupOptions<Actors>;

  /** Throws `gateway.invalid_config`. */
  constructor(options: SetupOptions<Actors>) {
    super(settingsOf(options));
    this.config = options;
    devHost()?.created(this);
  }

  /** The configuration with every default. */
  parseConfig(): ParsedConfig {
    return parsedConfig(this.config);
  }
}

/** The return value of `registry.serve()`. */
export interface ServerlessHandler {
  readonly fetch: FetchHandler;
}

/** The fixed routes of a registry, for servers that mount them elsewhere. */
export type RegistryRoutes = Registry<Definitions>["routes"];
