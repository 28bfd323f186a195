/** Checks of the server before the store opens. */
import { randomUUID } from "node:crypto";
import { HoldfastError, type Logger } from "@holdfast/core";
import { Backoff, type RetryLimits } from "@holdfast/store-kit";
import { redisStoreLimits as limits } from "../../limits.ts";
import type { RedisDurability, RedisStoreOptions } from "../../types.ts";
import type { Reply } from "../command.ts";
import { Connection, type ConnectionSettings } from "../connection/connection.ts";
import { parseAddress } from "../connection/url.ts";
import { invalidOptions, mapServerError, replyCode } from "../errors.ts";
import { keyPrefix } from "../keys.ts";
import { refuseUnfinishedMigration } from "../migrate/mark.ts";
import { integer, list, text } from "../rows.ts";
import { layoutScript } from "../scripts/layout.ts";

/** The layout of the keys. A published one is never changed: the next has another number. */
const layout = 1;

/** The first release whose scripts can refuse to run as a whole when the memory is full. */
const oldestServer = 7;

/** Options about the server itself. */
type ServerOptions = Pick<
  RedisStoreOptions,
  "url" | "ports" | "prefix" | "durability" | "shards" | "connectTimeoutMs" | "silenceTimeoutMs"
>;

/** A checked server. */
export interface PreparedServer {
  readonly settings: ConnectionSettings;
  readonly prefix: string;
  readonly shards: number;
  readonly clusterId: string;
  readonly durability: RedisDurability;
  /** Identity of the server's run: another one may have lost data. */
  readonly run: string;
}

/** Connects once and checks the server. Waits for one that loads its data, or whose cluster is incomplete. Errors: see `openRedisStore`. */
export async function prepareServer(
  options: ServerOptions,
  retry: RetryLimits,
  purpose: "serve" | "migrate" = "serve",
): Promise<PreparedServer> {
  const backoff = new Backoff(options.ports, retry);
  for (;;) {
    try {
      return await prepare(options, purpose);
    } catch (error) {
      if (/^(LOADING|CLUSTERDOWN)$/.test(replyCode(error) ?? "") && (await backoff.wait())) continue;
      throw mapServerError(error);
    }
  }
}

async function prepare(options: ServerOptions, purpose: "serve" | "migrate"): Promise<PreparedServer> {
  const { ports, url, shards = limits.shards } = options;
  if (!(Number.isInteger(shards) && shards >= 1 && shards <= 65_536 && (shards & (shards - 1)) === 0)) {
    throw invalidOptions(`The number of shards must be a power of two up to 65,536, not ${shards}`);
  }
  const address = parseAddress(url);
  const prefix = keyPrefix(options.prefix ?? address.prefix);
  const { connectTimeoutMs = limits.connectTimeoutMs, silenceTimeoutMs = limits.silenceTimeoutMs } = options;
  const settings = { ports, address, connectTimeoutMs, silenceTimeoutMs };
  const connection = new Connection({ ...settings, silenceTimeoutMs: 2 * connectTimeoutMs });
  try {
    const info = parseInfo(text(await connection.send(["INFO"])));
    checkKind(info);
    const durability = await durabilityOf(connection, info);
    checkDurability(durability, options.durability ?? address.durability ?? "everysec", ports.log);
    await refuseForeignKeys(connection, prefix);
    const found = await connection.run(layoutScript, [prefix, layout, randomUUID(), shards]);
    const stored = parseLayout(found, prefix);
    if (purpose === "serve")
      refuseUnfinishedMigration(await connection.send(["HGET", `${prefix}meta`, "migration"]));
    return { settings, prefix, durability, ...stored, run: info.get("run_id") ?? "" };
  } finally {
    await connection.close();
  }
}

function parseInfo(info: string): ReadonlyMap<string, string> {
  return new Map([...info.matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name = "", value = ""]) => [name, value]));
}

function checkKind(info: ReadonlyMap<string, string>): void {
  const version = info.get("redis_version") ?? "";
  if (!(Number.parseInt(version, 10) >= oldestServer)) {
    throw refused(
      "server_too_old",
      `The store needs Redis ${oldestServer}.0 or later, or Valkey, and the server is version ${version}. Upgrade it`,
    );
  }
  if (info.get("redis_mode") === "sentinel") {
    throw refused("unavailable", "The URL of the store is that of a Sentinel. Name the primary itself");
  }
  if (info.get("role") === "slave") {
    throw refused(
      "unavailable",
      "The server is a replica, which takes no writes. Name the primary in the URL of the store",
    );
  }
  const policy = info.get("maxmemory_policy");
  if (policy !== undefined && policy !== "noeviction") {
    throw refused(
      "evicts_data",
      `The server removes keys when its memory is full (maxmemory-policy ${policy}), which would be actors. Set it to noeviction, or give the store a server of its own`,
    );
  }
}

/** Reading the settings may be forbidden, as in many hosted services; the statistics say a part of it. */
async function durabilityOf(
  connection: Connection,
  info: ReadonlyMap<string, string>,
): Promise<RedisDurability> {
  if (info.get("aof_enabled") === "0") return "none";
  try {
    const pairs = list(await connection.send(["CONFIG", "GET", "appendfsync"])).map(text);
    if (pairs[1] === undefined) return "unknown";
    return pairs[1] === "always" ? "always" : "everysec";
  } catch (error) {
    if (replyCode(error) === undefined) throw error;
    return "unknown";
  }
}

const order = ["none", "everysec", "always"] as const;
const settingsOf = {
  none: "appendonly no",
  everysec: "appendonly yes and appendfsync everysec",
  always: "appendonly yes and appendfsync always",
} as const;

function checkDurability(found: RedisDurability, least: (typeof order)[number], log: Logger): void {
  const isUnknown = found === "unknown";
  if (isUnknown ? least === "always" : order.indexOf(found) < order.indexOf(least)) {
    const seen = isUnknown ? "does not say how durable it is" : `has ${settingsOf[found]}`;
    throw refused(
      "not_durable",
      `The server ${seen}, and the store asks for ${settingsOf[least]}. Change the server (CONFIG SET, and its configuration file), or accept less with "?durability=${isUnknown ? "everysec" : found}" in the URL of the store`,
    );
  }
  switch (found) {
    case "always":
      return;
    case "everysec":
      log.warn("a crash of the redis server can lose the last second of what was acknowledged", {
        cure: "appendfsync always",
      });
      return;
    case "none":
      log.warn("a crash of the redis server loses everything since its last snapshot", {
        cure: "appendonly yes, appendfsync always",
      });
      return;
    case "unknown":
      log.warn("the redis server does not say what a crash of it can lose", {
        cure: "allow CONFIG GET, or ask who runs it for appendfsync always",
      });
  }
}

/** At the first start: keys under the prefix are those of another program, which the store would overwrite. */
async function refuseForeignKeys(connection: Connection, prefix: string): Promise<void> {
  if (integer(await connection.send(["EXISTS", `${prefix}meta`])) > 0) return;
  if (integer(await connection.send(["DBSIZE"])) === 0) return;
  let cursor = "0";
  do {
    const [next, keys] = list(
      await connection.send(["SCAN", cursor, "MATCH", `${prefix}*`, "COUNT", limits.maxRowsPerScript]),
    );
    if (list(keys).length > 0) throw foreignKeys(prefix);
    cursor = text(next);
  } while (cursor !== "0");
}

function parseLayout(found: Reply, prefix: string): { readonly clusterId: string; readonly shards: number } {
  if (found === null) throw foreignKeys(prefix);
  const [stored, clusterId, shards] = list(found);
  const version = Number(text(stored));
  if (version > layout) {
    throw refused(
      "format_too_new",
      `A newer release of Holdfast has written these keys (layout ${version}, and this release knows ${layout}). Use that release`,
    );
  }
  if (version !== layout) throw foreignKeys(prefix);
  return { clusterId: text(clusterId), shards: integer(shards) };
}

function foreignKeys(prefix: string): HoldfastError {
  return refused(
    "foreign_keys",
    `The database has keys that begin with ${prefix} and that Holdfast has not made. Choose another prefix (?prefix=name) or another number of a database`,
  );
}

function refused(code: string, message: string): HoldfastError {
  return new HoldfastError("store", code, message, { statusCode: 503 });
}
