import { HoldfastError } from "@holdfast/core";

/** Options with an effect. */
export const ownKeys = [
  "use",
  "dataDirectory",
  "store",
  "cluster",
  "namespaces",
  "namespace",
  "hosts",
  "origins",
  "credentials",
  "rivetClients",
  "access",
  "manage",
  "inspector",
  "maxIncomingMessageSize",
  "maxOutgoingMessageSize",
  "maxRequestBodySize",
  "logging",
  "ports",
  "region",
  "history",
  "resume",
  "slowReaders",
  "httpPort",
  "httpHost",
  "httpBasePath",
  "staticDir",
  "noWelcome",
  "shutdown",
  "enginePort",
  "engineHost",
] as const;

/** Options for an engine or a cloud: accepted without effect, and logged once. */
const foreignKeys = [
  "runtime",
  "wasm",
  "sqlite",
  "endpoint",
  "token",
  "headers",
  "startEngine",
  "engineVersion",
  "startServices",
  "envoy",
  "test",
] as const;

/** Options that ask for something that is set elsewhere here: refused, since without it the program would not do it. */
const refusedKeys: Readonly<Record<string, string>> = {
  configurePool: 'Set "cluster.serverlessPools" of the nodes that start this program, with its URL',
  serverless:
    'Set "cluster.serverless" of this program, or HOLDFAST_SERVERLESS=1 on its platform, and mount the registry at any path',
};

const known: ReadonlySet<string> = new Set([...ownKeys, ...foreignKeys, ...Object.keys(refusedKeys)]);

type Options = Readonly<Record<string, unknown>>;

/** Options of `setup` without effect, for the log. */
export interface KeysWithoutEffect {
  /** Options for an engine or a cloud. */
  readonly foreign: readonly string[];
  /** Unknown options: misspelt, or of another version. */
  readonly unknown: readonly string[];
}

/**
 * Checks the options of `setup` and returns those without effect. Throws `gateway.invalid_config` for wrong types and
 * for options that exclude each other.
 */
export function checkOptions(options: unknown): KeysWithoutEffect {
  if (typeof options !== "object" || options === null) throw invalid("setup() takes an object");
  const given = options as Options;
  if (typeof given["use"] !== "object" || given["use"] === null || Array.isArray(given["use"])) {
    throw invalid('"use" is not an object of actors');
  }
  for (const [name, definition] of Object.entries(given["use"])) {
    if (typeof definition !== "object" || definition === null || !("~definition" in definition)) {
      throw invalid(`"use.${name}" is not what actor() returned`);
    }
  }
  checkNumbers(given);
  checkTexts(given);
  checkBounds(given);
  checkNamespaces(given["namespaces"]);
  checkSwitches(given);
  checkTogether(given);
  return {
    foreign: foreignKeys.filter((key) => given[key] !== undefined),
    unknown: Object.keys(given).filter((key) => !known.has(key)),
  };
}

function checkNumbers(given: Options): void {
  for (const key of ["maxIncomingMessageSize", "maxOutgoingMessageSize", "maxRequestBodySize"]) {
    const value = given[key];
    if (value === undefined || (Number.isSafeInteger(value) && Number(value) > 0)) continue;
    throw invalid(`"${key}" is not a number of bytes`);
  }
  for (const key of ["httpPort", "enginePort"]) {
    const value = given[key];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || Number(value) < 0 || Number(value) > 65_535) {
      throw invalid(`"${key}" is not a port`);
    }
  }
}

function checkTexts(given: Options): void {
  for (const key of [
    "dataDirectory",
    "region",
    "httpHost",
    "engineHost",
    "httpBasePath",
    "staticDir",
    "namespace",
  ]) {
    if (given[key] !== undefined && typeof given[key] !== "string") throw invalid(`"${key}" is not a string`);
  }
}

/** Nested objects of numbers: an unknown name in them would be a limit that nothing enforces. */
const bounds: Readonly<Record<string, readonly string[]>> = {
  history: ["maxAgeMs", "maxBytes"],
  resume: ["windowMs", "maxEvents", "maxBytes"],
};

function checkBounds(given: Options): void {
  for (const [name, keys] of Object.entries(bounds)) {
    if (given[name] === undefined) continue;
    for (const [key, bound] of Object.entries(objectOf(name, given[name]))) {
      if (!keys.includes(key)) throw invalid(`"${name}.${key}" is not an option of setup()`);
      if (bound !== undefined && !(typeof bound === "number" && bound >= 0)) {
        throw invalid(`"${name}.${key}" is not a number of at least 0`);
      }
    }
  }
  const { slowReaders, store, history } = given;
  if (slowReaders !== undefined && slowReaders !== "close" && slowReaders !== "drop-events") {
    throw invalid('"slowReaders" must be "close" or "drop-events"');
  }
  if (store !== undefined && typeof store !== "string" && typeof store !== "function") {
    throw invalid('"store" is neither a URL nor a function');
  }
  if (typeof store === "function" && history !== undefined) {
    throw invalid(
      'a "store" of your own and "history" exclude each other: configure the history where you create the store',
    );
  }
}

function checkNamespaces(given: unknown): void {
  if (given === undefined) return;
  for (const [name, options] of Object.entries(objectOf("namespaces", given))) {
    const { token, ...others } = objectOf(`namespaces.${name}`, options);
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw invalid(`"namespaces.${name}.${unknown}" is not an option of setup()`);
    if (token !== undefined && typeof token !== "string") {
      throw invalid(`"namespaces.${name}.token" is not a string`);
    }
  }
}

function checkSwitches(given: Options): void {
  checkSwitch("noWelcome", given["noWelcome"]);
  checkSwitch("rivetClients", given["rivetClients"]);
  const { logging, shutdown } = given;
  if (logging !== undefined) objectOf("logging", logging);
  if (shutdown === undefined) return;
  const { gracePeriodMs, disableSignalHandlers } = objectOf("shutdown", shutdown);
  checkSwitch("shutdown.disableSignalHandlers", disableSignalHandlers);
  if (gracePeriodMs === undefined || (typeof gracePeriodMs === "number" && gracePeriodMs >= 0)) return;
  throw invalid('"shutdown.gracePeriodMs" is not a number of milliseconds');
}

function checkSwitch(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "boolean") throw invalid(`"${name}" is not a boolean`);
}

function objectOf(name: string, value: unknown): Options {
  if (typeof value !== "object" || value === null) throw invalid(`"${name}" is not an object`);
  return value as Options;
}

function checkTogether(given: Options): void {
  if (given["startEngine"] === true && given["endpoint"] !== undefined) {
    throw invalid('"startEngine" and "endpoint" exclude each other');
  }
  for (const [key, instead] of Object.entries(refusedKeys)) {
    if (given[key] !== undefined) throw invalid(`"${key}" has no effect here. ${instead}`);
  }
  const { sqlite } = given;
  const local =
    sqlite === "local" ||
    (typeof sqlite === "object" && sqlite !== null && "backend" in sqlite && sqlite.backend === "local");
  if (given["runtime"] === "wasm" && local)
    throw invalid('"runtime: wasm" and a local "sqlite" exclude each other');
}

/** The given options that have an effect. */
export function existing<Given extends object>(given: Given): Given {
  const kept = { ...given };
  for (const key of Object.keys(kept)) if (!known.has(key)) Reflect.deleteProperty(kept, key);
  return kept;
}

function invalid(why: string): HoldfastError {
  const message = `The configuration of the registry is invalid: ${why}`;
  return new HoldfastError("gateway", "invalid_config", message, { statusCode: 400 });
}
