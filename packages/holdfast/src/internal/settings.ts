import { resolve } from "node:path";
import { HoldfastError, type Logger, limits, systemPorts } from "@holdfast/core";
import { nearestWord } from "@holdfast/core/did-you-mean";
import {
  type ClusterOptions,
  clusterOptions,
  type Definitions,
  type GatewayOptions,
  type ListenOptions,
  type RegistryConfig,
  serverLimits,
} from "@holdfast/server";
import { getBaseLogger, makeDefaultLogger } from "../log.ts";
import type { ParsedConfig, SetupOptions } from "../registry/registry-options.ts";
import { checkOptions, existing, ownKeys } from "./check-options.ts";
import { devHost } from "./dev-host.ts";
import { loggerFrom } from "./foreign-logger.ts";
import { namespacesOf } from "./namespaces.ts";
import { type StoreSource, serverSource, sqliteSource } from "./store-source.ts";

/** Options of a registry, derived from those of `setup`. Throws `gateway.invalid_config`. */
export function settingsOf<Actors extends Definitions>(
  options: SetupOptions<Actors>,
): RegistryConfig<Actors> {
  const { foreign, unknown } = checkOptions(options);
  const ports = options.ports ?? systemPorts(loggerOf(options.logging));
  if (foreign.length > 0) ports.log.warn("options of setup have no effect here", { options: foreign });
  if (unknown.length > 0)
    ports.log.warn("setup does not know these options", { options: unknown, ...meant(unknown) });
  const region = regionOf(options);
  const source = storeSource(options);
  const cluster = inPool(clusterOptions(options.cluster), options.envoy?.poolName);
  const namespaces = namespacesOf(options.namespaces);
  return {
    use: options.use,
    ports,
    ...(region === undefined ? {} : { region }),
    ...(cluster === undefined ? {} : { cluster }),
    ...(namespaces === undefined ? {} : { namespaces }),
    ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
    store: inTurn(source.open),
    gateway: gatewayOptions(options),
    listen: listenOptions(options),
    shutdown: options.shutdown ?? {},
    // `holdfast dev` prints the address at which it serves the program.
    ...(options.noWelcome === true || devHost() !== undefined
      ? {}
      : { welcome: welcome(Object.keys(options.use).length, source.description) }),
    ...(inTests() ? { taken: (error: Error) => warnPortInUse(ports.log, error) } : {}),
  };
}

/** What was probably meant by options that do not exist, by their names. */
function meant(unknown: readonly string[]): { readonly didYouMean?: Readonly<Record<string, string>> } {
  const near = unknown.flatMap((name) => {
    const option = nearestWord(name, ownKeys);
    return option === undefined ? [] : [[name, option]];
  });
  return near.length === 0 ? {} : { didYouMean: Object.fromEntries(near) };
}

/** With `holdfast dev`, a new version of a program opens the store when the version before has closed it. */
function inTurn(open: StoreSource["open"]): StoreSource["open"] {
  const host = devHost();
  return host === undefined ? open : (ports) => host.mayOpen().then(() => open(ports));
}

/** Maps each option of `setup`; options that are not set are left out. */
export function parsedConfig(options: SetupOptions<Definitions>): ParsedConfig {
  const { port, host, publicDir } = listenOptions(options);
  const { gracePeriodMs = serverLimits.shutdownGraceMs, disableSignalHandlers = false } =
    options.shutdown ?? {};
  return {
    ...existing(options),
    dataDirectory: dataDirectory(options),
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
    shutdown: { gracePeriodMs, disableSignalHandlers },
  };
}

/** The absolute path of the data directory. A blank path would resolve to the working directory, so it is refused. */
function dataDirectory(options: SetupOptions<Definitions>): string {
  const path =
    options.dataDirectory ?? variable("HOLDFAST_DATA") ?? variable("HOLDFAST_STORAGE_PATH") ?? ".holdfast";
  if (path.trim() !== "") return resolve(path);
  const message =
    'The data directory of the registry is blank. Set "dataDirectory" to a directory for the data of the actors, for example ".holdfast", or leave it out.';
  throw new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}

/** The environment belongs to the operator, and overrides the URL of the program, but not a store of its own. */
function storeSource(options: SetupOptions<Definitions>): StoreSource {
  const { store } = options;
  const directory = dataDirectory(options);
  if (typeof store === "function") return { open: store, description: directory };
  const history = options.history === undefined ? {} : { history: options.history };
  const storeOptions = { dataDirectory: directory, ...history };
  const url = variable("HOLDFAST_STORE") ?? store;
  return url === undefined ? sqliteSource(storeOptions) : serverSource(url, storeOptions);
}

/** The pool that programs of the peer name. */
function inPool(cluster: ClusterOptions | undefined, pool: string | undefined): ClusterOptions | undefined {
  if (cluster === undefined || pool === undefined || cluster.pools !== undefined) return cluster;
  return { ...cluster, pools: [pool] };
}

function regionOf(options: SetupOptions<Definitions>): string | undefined {
  return variable("HOLDFAST_REGION") ?? options.region;
}

function loggerOf(logging: SetupOptions<Definitions>["logging"]): Logger {
  const { baseLogger, level } = logging ?? {};
  if (baseLogger !== undefined) return loggerFrom(baseLogger);
  return level === undefined ? getBaseLogger() : makeDefaultLogger(level);
}

function gatewayOptions(options: SetupOptions<Definitions>): GatewayOptions {
  const { access, credentials } = options;
  // Programs written for the peer set neither: the environment of the deployment does.
  const hosts = options.hosts ?? listOf(variable("HOLDFAST_HOSTS"));
  const origins = options.origins ?? listOf(variable("HOLDFAST_ORIGINS"));
  const { maxIncomingMessageSize, maxOutgoingMessageSize, maxRequestBodySize } = options;
  const basePath = options.httpBasePath;
  const token = variable("HOLDFAST_INSPECTOR_TOKEN");
  const metricsToken = variable("HOLDFAST_METRICS_TOKEN");
  return {
    loopbackOrigins: origins === undefined,
    rivetClients: options.rivetClients ?? true,
    ...(hosts && { hosts }),
    ...(origins && { origins }),
    ...(access && { access }),
    ...(options.manage && { manage: options.manage }),
    inspector: {
      ...(token === undefined ? {} : { token }),
      ...(metricsToken === undefined ? {} : { metricsToken }),
      ...options.inspector,
    },
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
  // The environment belongs to the operator, and overrides the program.
  const port = variable("HOLDFAST_PORT") === undefined ? (options.enginePort ?? options.httpPort) : undefined;
  const host = variable("HOLDFAST_HOST") ?? options.engineHost ?? options.httpHost;
  const publicDir = options.staticDir ?? variable("HOLDFAST_PUBLIC_DIR");
  return {
    ...(port === undefined ? {} : { port }),
    ...(host === undefined ? {} : { host }),
    ...(publicDir === undefined ? {} : { publicDir }),
  };
}

function welcome(actors: number, data: string): (url: string) => void {
  const kinds = actors === 1 ? "1 kind of actor" : `${actors} kinds of actors`;
  return (url) => {
    process.stderr.write(`Holdfast serves ${kinds} at ${url}, with data in ${data}\n`);
  };
}

/** A test runner loads the module that starts the program once for each test file, in parallel. */
function inTests(): boolean {
  return ["VITEST", "NODE_TEST_CONTEXT", "JEST_WORKER_ID"].some((name) => variable(name) !== undefined);
}

function warnPortInUse(log: Logger, error: Error): void {
  log.warn("the registry of these tests does not listen: another process of theirs does", {
    reason: error.message,
  });
}

function variable(name: string): string | undefined {
  const value = process.env[name];
  return value === "" ? undefined : value;
}
