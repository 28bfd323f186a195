/** Options of `createHandler`, checked. */
import type { AnyDefinition } from "@holdfast/actors";
import { createLogger, type Logger, limits, logLine } from "@holdfast/core";
import type { GatewayOptions, MessageLimits } from "@holdfast/server/embedded";
import { invalidConfig, notSupported } from "./errors.ts";
import type { ObjectNamespace } from "./platform.ts";

/** The gateway options that mean something in a Worker. */
export type HandlerGatewayOptions = Pick<
  GatewayOptions,
  | "access"
  | "basePath"
  | "credentials"
  | "hosts"
  | "inspector"
  | "loopbackOrigins"
  | "manage"
  | "maxIncomingMessageBytes"
  | "maxOutgoingMessageBytes"
  | "maxRequestBodyBytes"
  | "origins"
  | "resume"
>;

/** Options of `createHandler`. */
export interface HandlerOptions {
  /** The name of the binding of the class in `wrangler.jsonc`: "ACTORS" by default. */
  readonly binding?: string;
  readonly gateway?: HandlerGatewayOptions;
  /** Receives warnings and errors, as lines of JSON on the console by default. */
  readonly log?: Logger;
  /** Shows callers the message of every error: for development. */
  readonly exposeErrors?: boolean;
}

/** A registry of `setup()`, or its actors alone. */
export interface ActorRegistry {
  readonly use: Readonly<Record<string, unknown>>;
}

/** Settings of one Worker, shared by all of its objects. */
export interface Settings {
  readonly definitions: Readonly<Record<string, AnyDefinition>>;
  readonly binding: string;
  readonly gateway: GatewayOptions;
  readonly messageLimits: MessageLimits;
  readonly log: Logger;
  readonly exposeErrors: boolean;
}

/** Options of a registry that mean something on a server only, with what they stand for. */
const onServersOnly: Readonly<Record<string, string>> = {
  cluster: "A cluster",
  dataDirectory: "A data directory",
  namespaces: "A second namespace",
  rivetClients: "The wire of rivetkit's clients",
  staticDir: "A directory of files",
  store: "Another store",
};

/** Throws `gateway.invalid_config`, and `gateway.not_supported` for options of a server. */
export function settingsOf(registry: unknown, options: HandlerOptions): Settings {
  const config = configOf(registry);
  for (const [name, what] of Object.entries(onServersOnly)) {
    if (config[name] === undefined || config[name] === false) continue;
    throw notSupported(`${what} (\`${name}\`)`, "Remove the option, or run the registry on a server.");
  }
  const definitions = definitionsOf(config["use"]);
  const { binding = "ACTORS", exposeErrors = false } = options;
  const gateway: GatewayOptions = { ...gatewayOf(registry), ...options.gateway };
  if (typeof binding !== "string" || binding === "") {
    throw invalidConfig('`binding` is the name of the Durable Object binding, such as "ACTORS"');
  }
  return {
    definitions,
    binding,
    // Cloudflare routes only the hosts of the account to a Worker.
    gateway: { anyHost: gateway.hosts === undefined, ...gateway },
    messageLimits: {
      maxIncomingBytes: gateway.maxIncomingMessageBytes ?? limits.maxIncomingMessageBytes,
      maxOutgoingBytes: gateway.maxOutgoingMessageBytes ?? limits.maxOutgoingMessageBytes,
    },
    log: options.log ?? createLogger("warn", (record) => console[record.level](logLine(record))),
    exposeErrors,
  };
}

/** The options for requests that a registry of `setup()` already has. */
function gatewayOf(registry: unknown): GatewayOptions {
  const settings: unknown =
    typeof registry === "object" && registry !== null ? Reflect.get(registry, "settings") : undefined;
  const gateway: unknown =
    typeof settings === "object" && settings !== null ? Reflect.get(settings, "gateway") : undefined;
  return typeof gateway === "object" && gateway !== null ? { ...gateway } : {};
}

function configOf(registry: unknown): Readonly<Record<string, unknown>> {
  if (typeof registry !== "object" || registry === null) throw noRegistry();
  for (const field of ["config", "settings"]) {
    const config: unknown = Reflect.get(registry, field);
    if (typeof config === "object" && config !== null) return { ...config };
  }
  return { ...registry };
}

function definitionsOf(use: unknown): Readonly<Record<string, AnyDefinition>> {
  if (typeof use !== "object" || use === null) throw noRegistry();
  const definitions: Record<string, AnyDefinition> = {};
  for (const [name, definition] of Object.entries(use)) {
    if (!isDefinition(definition)) {
      throw invalidConfig(`\`use.${name}\` is not an actor. Define it with actor()`);
    }
    definitions[name] = definition;
  }
  return definitions;
}

function isDefinition(value: unknown): value is AnyDefinition {
  return typeof value === "object" && value !== null && "~definition" in value;
}

function noRegistry(): Error {
  return invalidConfig("createHandler takes a registry: { use: { counter } } or the result of setup()");
}

/** The binding of the objects. Throws `gateway.invalid_config` if the Worker has none of this name. */
export function namespaceOf(env: unknown, binding: string): ObjectNamespace {
  const found: unknown = typeof env === "object" && env !== null ? Reflect.get(env, binding) : undefined;
  if (typeof found === "object" && found !== null && "idFromName" in found) return found as ObjectNamespace;
  throw invalidConfig(
    `The Worker has no Durable Object binding "${binding}". Add it to durable_objects.bindings, or name yours with createHandler(registry, { binding })`,
  );
}
