import {
  ActorDefinition,
  type ActorOptions,
  type ParsedActorConfig,
  type ParsedActorOptions,
} from "@holdfast/actors";
import type { Definitions } from "@holdfast/server";
import { checkOptions } from "../internal/check-options.ts";
import { type ConfigSchema, configSchema } from "../internal/config-schema.ts";
import { parsedConfig } from "../internal/settings.ts";
import type { ParsedConfig, SetupOptions } from "./registry-options.ts";

export type { ConfigSchema } from "../internal/config-schema.ts";

/** Schema of the options of `setup`, with every default. Throws `gateway.invalid_config`. */
export const RegistryConfigSchema: ConfigSchema<ParsedConfig> = configSchema((value) => {
  checkOptions(value);
  return parsedConfig(value as SetupOptions<Definitions>);
});

type AnyConfig = ParsedActorConfig<
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

/** Schema of the argument of `actor`. Throws `actor.invalid_definition`. */
export const ActorConfigSchema: ConfigSchema<AnyConfig> = configSchema((value) => {
  const config = value as AnyConfig;
  return new ActorDefinition(config).config;
});

/** Schema of the `options` of an actor, with every default. Throws `actor.invalid_definition`. */
export const ActorOptionsSchema: ConfigSchema<ParsedActorOptions> = configSchema(
  (value) => new ActorDefinition({ options: (value ?? {}) as ActorOptions }).config.options,
);

/** Schema of the actors of a registry by name. Throws `gateway.invalid_config`. */
export const ActorsSchema: ConfigSchema<Definitions> = configSchema(
  (value) => RegistryConfigSchema.parse({ use: value }).use,
);
