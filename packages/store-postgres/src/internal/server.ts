import { randomUUID } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import { Backoff, type RetryLimits } from "@holdfast/store-kit";
import pg from "pg";
import { postgresStoreLimits as limits } from "../limits.ts";
import type { PostgresStoreOptions } from "../types.ts";
import { type ConnectionSettings, discard } from "./connection/connection.ts";
import { mapConnectionError, sqlState } from "./errors.ts";
import { refuseUnfinishedMigration } from "./migrate/mark.ts";
import { databaseName, inDatabase } from "./routing/guarded-database.ts";
import { confirmDatabases, type NamedDatabase, readDatabases } from "./routing/recorded-databases.ts";
import { checkSchemaName, prepareSchema } from "./schema.ts";

/** Schema of the tables if none is chosen. */
const defaultSchema = "holdfast";

/** The schema of the options or of the URL. Throws `store.invalid_options`. */
export function schemaOf({ url, schema }: Pick<PostgresStoreOptions, "url" | "schema">): string {
  const ofUrl = URL.canParse(url) ? new URL(url).searchParams.get("schema") : null;
  return checkSchemaName(schema ?? ofUrl ?? defaultSchema);
}

/** A checked server with prepared tables. */
export interface PreparedServer extends NamedDatabase {
  readonly settings: ConnectionSettings;
  /** For a connection that no pooler shares. */
  readonly unpooled: pg.ClientConfig;
  /** Identifies the server and its timeline. Changes when a backup is restored or a standby promoted. */
  readonly origin: string;
}

type ServerOptions = Omit<PostgresStoreOptions, "cachePath">;

/** The databases of a store, in order. */
export interface PreparedServers {
  readonly servers: readonly PreparedServer[];
  /** The first shard of each. */
  readonly firsts: readonly number[];
}

/**
 * As {@link prepareServer}, for all databases of the store, which have to be those with which it has started first.
 * Throws `store.databases_differ`, too.
 */
export async function prepareServers(
  options: ServerOptions,
  retry: RetryLimits,
  purpose: "serve" | "migrate" = "serve",
): Promise<PreparedServers> {
  const urls = [options.url, ...(options.databases ?? [])];
  const servers: PreparedServer[] = [];
  for (const [at, url] of urls.entries()) {
    // The first one fixes the number of shards, and is the one that nodes notify each other through.
    const [first] = servers;
    const own = first === undefined ? options : { ...options, url, unpooledUrl: url, shards: first.shards };
    try {
      servers.push(await prepareServer(own, retry, purpose));
    } catch (error) {
      throw urls.length === 1
        ? error
        : inDatabase(error, `${databaseName(at, urls.length)} (${nameOf(url)})`);
    }
  }
  return { servers, firsts: await confirmDatabases(servers) };
}

/** SQLSTATEs of a server that is starting or stopping. */
const notAccepting = new Set(["57P03", "57P01"]);

/**
 * Connects once, checks the server and prepares the tables. Waits for a server that is starting. Errors: see
 * `openPostgresStore`.
 */
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
      if (notAccepting.has(sqlState(error) ?? "") && (await backoff.wait())) continue;
      throw mapConnectionError(error);
    }
  }
}

async function prepare(options: ServerOptions, purpose: "serve" | "migrate"): Promise<PreparedServer> {
  const { ports, url, statementTimeoutMs = limits.statementTimeoutMs } = options;
  const schema = schemaOf(options);
  const client: pg.ClientConfig = {
    connectionString: url,
    connectionTimeoutMillis: options.connectTimeoutMs ?? limits.connectTimeoutMs,
    keepAlive: true,
    application_name: "holdfast",
  };
  // A server that accepts the connection may still answer nothing.
  const connection = new pg.Client({ ...client, query_timeout: statementTimeoutMs });
  // An unhandled error event would end the process.
  connection.on("error", () => {});
  try {
    await connection.connect();
    await checkDurable(connection);
    const shards = await prepareSchema(connection, schema, options.shards, ports);
    if (purpose === "serve") await refuseUnfinishedMigration(connection, schema);
    const clusterId = await readClusterId(connection, schema);
    const databases = await readDatabases(connection, schema);
    const origin = await readOrigin(connection);
    const settings: ConnectionSettings = {
      ...{ client, ports, prepares: options.preparedStatements ?? true },
      preparesBehindPooler: options.preparedStatements === true,
      statementTimeoutMs,
    };
    await connection.end();
    const unpooled = { ...client, connectionString: options.unpooledUrl ?? url };
    const name = nameOf(url);
    return { client, unpooled, settings, schema, shards, clusterId, databases, name, origin };
  } catch (error) {
    discard(connection);
    throw error;
  }
}

async function checkDurable(connection: pg.Client): Promise<void> {
  const { rows } = await connection.query("SHOW synchronous_commit");
  if (rows[0]?.synchronous_commit !== "off") return;
  throw new HoldfastError(
    "store",
    "not_durable",
    "The database acknowledges commits before they are on disk (synchronous_commit = off). Set it to on for this user or database",
    { statusCode: 503 },
  );
}

/** Host and database of a URL. */
function nameOf(url: string): string {
  if (!URL.canParse(url)) return "an address that is not a URL";
  const { host, pathname, searchParams } = new URL(url);
  const schema = searchParams.get("schema");
  return `${host}${pathname}${schema === null ? "" : `, schema ${schema}`}`;
}

async function readClusterId(connection: pg.Client, schema: string): Promise<string> {
  const { rows } = await connection.query(`SELECT value FROM ${schema}.meta WHERE key = 'cluster_id'`);
  return String(rows[0]?.value);
}

async function readOrigin(connection: pg.Client): Promise<string> {
  try {
    const { rows } =
      await connection.query(`SELECT system_identifier::text AS id, timeline_id::text AS timeline
      FROM pg_control_system(), pg_control_checkpoint()`);
    return `${rows[0]?.id}/${rows[0]?.timeline}`;
  } catch {
    // Without permission to read it, local copies are valid in this process only.
    return randomUUID();
  }
}
