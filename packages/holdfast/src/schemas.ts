import { type ActorConfig, ActorDefinition, type ActorOptions } from "@holdfast/actors";
import type { Definitions } from "@holdfast/server";
import { checkOptions } from "./internal/check-options.ts";
import { type ConfigSchema, configSchema } from "./internal/config-schema.ts";
import type { SetupOptions } from "./registry-options.ts";

export type { ConfigSchema } from "./internal/config-schema.ts";

/** What `setup` takes. Throws `gateway.invalid_config`. */
export const RegistryConfigSchema: ConfigSchema<SetupOptions<Definitions>> = configSchema((value) => {
  checkOptions(value);
  return value as SetupOptions<Definitions>;
});

type AnyConfig = ActorConfig<
  unknown,
  unknown,
  unknown,
  unknown,
  unknown,
  undefined,
  Record<never, never>,
  Record<never, never>,
  unknown
>;

/** What `actor` takes. Throws `actor.invalid_definition`. */
export const ActorConfigSchema: ConfigSchema<AnyConfig> = configSchema((value) => {
  const config = value as AnyConfig;
  return new ActorDefinition(config).config;
});

/** The `options` of an actor. Throws `actor.invalid_definition`. */
export const ActorOptionsSchema: ConfigSchema<ActorOptions> = configSchema((value) => {
  const options = (value ?? {}) as ActorOptions;
  new ActorDefinition({ options });
  return options;
});

/** The actors of a registry by name. Throws `gateway.invalid_config`. */
export const ActorsSchema: ConfigSchema<Definitions> = configSchema(
  (value) => RegistryConfigSchema.parse({ use: value }).use,
);
