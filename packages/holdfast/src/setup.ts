import { join, resolve } from "node:path";
import { createLogger, type Logger, limits, systemPorts } from "@holdfast/core";
import {
  createRegistry,
  type Definitions,
  type GatewayOptions,
  type ListenOptions,
  type ParsedConfig,
  type Registry,
  serverLimits,
} from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import { checkOptions } from "./internal/check-options.ts";
import { writeLine } from "./internal/stderr-log.ts";
import { coreLevel, getBaseLogger } from "./log.ts";
import type { ForeignLogger, SetupOptions } from "./registry-options.ts";

export type { ForeignLogger, SetupOptions } from "./registry-options.ts";

/**
 * Makes a registry of actors, kept in SQLite. Nothing is opened before the first request or
 * `registry.start()`; a second process on the same data directory gets `store.locked`.
 * Throws `gateway.invalid_config` for options that do not exist or exclude each other.
 */
export function setup<const Actors extends Definitions>(options: SetupOptions<Actors>): Registry<Actors> {
  const ignored = checkOptions(options);
  const ports = options.ports ?? systemPorts(loggerOf(options.logging));
  if (ignored.length > 0) ports.log.warn("options of setup have no effect here", { options: ignored });
  const directory = dataDirectory(options);
  const region = regionOf(options);
  const history = options.history === undefined ? {} : { history: options.history };
  return createRegistry({
    use: options.use,
    ports,
    ...(region === undefined ? {} : { region }),
    store: options.store ?? (() => openSqliteStore({ path: join(directory, "actors"), ports, ...history })),
    gateway: gatewayOptions(options),
    listen: listenOptions(options),
    shutdown: options.shutdown ?? {},
    ...(options.noWelcome === true ? {} : { welcome: welcome(Object.keys(options.use).length, directory) }),
    ...(inTests() ? { taken: (error: Error) => tellTaken(ports.log, error) } : {}),
    parsed: parsed(options, directory),
  });
}

function dataDirectory(options: SetupOptions<Definitions>): string {
  return resolve(
    options.dataDirectory ?? variable("HOLDFAST_DATA") ?? variable("HOLDFAST_STORAGE_PATH") ?? ".holdfast",
  );
}

function regionOf(options: SetupOptions<Definitions>): string | undefined {
  return variable("HOLDFAST_REGION") ?? options.region;
}

function loggerOf(logging: SetupOptions<Definitions>["logging"]): Logger {
  const { baseLogger, level } = logging ?? {};
  if (baseLogger !== undefined) return isOurs(baseLogger) ? baseLogger : adapted(baseLogger);
  return level === undefined ? getBaseLogger() : createLogger(coreLevel(level), writeLine);
}

/** Ours takes the message first and has no more than these methods; a pino takes the fields first. */
function isOurs(logger: Logger | ForeignLogger): logger is Logger {
  return "child" in logger && !("bindings" in logger) && !("trace" in logger);
}

function adapted(logger: ForeignLogger): Logger {
  return createLogger("debug", ({ level, message, fields }) => logger[level](fields, message));
}

function gatewayOptions(options: SetupOptions<Definitions>): GatewayOptions {
  const { access, credentials } = options;
  // A program that moves here says neither: who deploys it does.
  const hosts = options.hosts ?? listOf(variable("HOLDFAST_HOSTS"));
  const origins = options.origins ?? listOf(variable("HOLDFAST_ORIGINS"));
  const { maxIncomingMessageSize, maxOutgoingMessageSize, maxRequestBodySize } = options;
  const basePath = options.httpBasePath;
  const token = variable("HOLDFAST_INSPECTOR_TOKEN");
  return {
    loopbackOrigins: origins === undefined,
    ...(hosts && { hosts }),
    ...(origins && { origins }),
    ...(access && { access }),
    ...(options.manage && { manage: options.manage }),
    inspector: { ...(token === undefined ? {} : { token }), ...options.inspector },
    ...(credentials === undefined ? {} : { credentials }),
    ...(options.resume && { resume: options.resume }),
    ...(options.slowReaders && { slowReaders: options.slowReaders }),
    ...(basePath === undefined || basePath === "/" ? {} : { basePath }),
    ...(maxIncomingMessageSize === undefined ? {} : { maxIncomingMessageBytes: maxIncomingMessageSize }),
    ...(maxOutgoingMessageSize === undefined ? {} : { maxOutgoingMessageBytes: maxOutgoingMessageSize }),
    ...(maxRequestBodySize === undefined ? {} : { maxRequestBodyBytes: maxRequestBodySize }),
  };
}

function listOf(names: string | undefined): readonly string[] | undefined {
  return names?.split(",").map((name) => name.trim());
}

function listenOptions(options: SetupOptions<Definitions>): ListenOptions {
  // What the environment says is for the one who runs the program, and comes before what it says itself.
  const port = variable("HOLDFAST_PORT") === undefined ? (options.enginePort ?? options.httpPort) : undefined;
  const host = variable("HOLDFAST_HOST") ?? options.engineHost ?? options.httpHost;
  const publicDir = options.staticDir ?? variable("HOLDFAST_PUBLIC_DIR");
  return {
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(publicDir === undefined ? {} : { publicDir }),
  };
}

function welcome(actors: number, directory: string): (url: string) => void {
  const kinds = actors === 1 ? "1 kind of actor" : `${actors} kinds of actors`;
  return (url) => {
    process.stderr.write(`Holdfast serves ${kinds} at ${url}, kept in ${directory}\n`);
  };
}

/** A test runner loads the module that starts the program once for each file of tests, side by side. */
function inTests(): boolean {
  return ["VITEST", "NODE_TEST_CONTEXT", "JEST_WORKER_ID"].some((name) => variable(name) !== undefined);
}

function tellTaken(log: Logger, error: Error): void {
  log.warn("the registry of these tests does not listen: another process of theirs does", {
    reason: error.message,
  });
}

/** The names of `setup`, with what each comes to. */
function parsed(options: SetupOptions<Definitions>, directory: string): ParsedConfig {
  const { port, host, publicDir } = listenOptions(options);
  return {
    ...options,
    dataDirectory: directory,
    maxIncomingMessageSize: options.maxIncomingMessageSize ?? limits.maxIncomingMessageBytes,
    maxOutgoingMessageSize: options.maxOutgoingMessageSize ?? limits.maxOutgoingMessageBytes,
    maxRequestBodySize: options.maxRequestBodySize ?? serverLimits.maxRawBodyBytes,
    namespace: options.namespace ?? "default",
    region: regionOf(options) ?? "local",
    noWelcome: options.noWelcome === true,
    httpBasePath: options.httpBasePath ?? "/",
    httpPort: port ?? Number(variable("HOLDFAST_PORT") ?? 6420),
    httpHost: host ?? "127.0.0.1",
    ...(publicDir === undefined ? {} : { staticDir: publicDir }),
    shutdown: {
      gracePeriodMs: serverLimits.shutdownGraceMs,
      disableSignalHandlers: false,
      ...options.shutdown,
    },
  };
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
