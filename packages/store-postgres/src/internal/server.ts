import { randomUUID } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import pg from "pg";
import { postgresStoreLimits as limits } from "../limits.ts";
import type { PostgresStoreOptions } from "../types.ts";
import { Backoff, type RetryLimits } from "./connection/backoff.ts";
import type { ConnectionSettings } from "./connection/connection.ts";
import { mapDatabaseError, sqlState, unavailable } from "./errors.ts";
import { checkSchemaName, prepareSchema } from "./schema.ts";
import { checkShards } from "./shards.ts";

const defaultSchema = "holdfast";
const defaultShards = 1_024;

/** A checked server with prepared tables. */
export interface PreparedServer {
  readonly client: pg.ClientConfig;
  readonly settings: ConnectionSettings;
  readonly schema: string;
  readonly shards: number;
  /** Identifies the server and its timeline. Changes when a backup is restored or a standby promoted. */
  readonly origin: string;
}

/** SQLSTATEs of a server that is starting or stopping. */
const notAccepting = new Set(["57P03", "57P01"]);

/**
 * Connects once, checks the server and prepares the tables. Waits for a server that is starting. Errors: see
 * `openPostgresStore`.
 */
export async function prepareServer(
  options: PostgresStoreOptions,
  retry: RetryLimits,
): Promise<PreparedServer> {
  const backoff = new Backoff(options.ports, retry);
  for (;;) {
    try {
      return await prepare(options);
    } catch (error) {
      if (notAccepting.has(sqlState(error) ?? "") && (await backoff.wait())) continue;
      const mapped = mapDatabaseError(error);
      throw mapped instanceof HoldfastError || sqlState(error) !== undefined ? mapped : unavailable(error);
    }
  }
}

async function prepare(options: PostgresStoreOptions): Promise<PreparedServer> {
  const { ports, url } = options;
  const schema = checkSchemaName(options.schema ?? defaultSchema);
  const client: pg.ClientConfig = {
    connectionString: url,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    keepAlive: true,
    application_name: "holdfast",
  };
  const connection = new pg.Client(client);
  // An unhandled error event would end the process.
  connection.on("error", () => {});
  try {
    await connection.connect();
    await checkDurable(connection);
    await prepareSchema(connection, schema, ports);
    const shards = await readShards(connection, schema, options.shards);
    const origin = await readOrigin(connection);
    const settings: ConnectionSettings = {
      ...{ client, ports, prepares: options.preparedStatements ?? true },
      statementTimeoutMs: options.statementTimeoutMs ?? limits.statementTimeoutMs,
    };
    return { client, settings, schema, shards, origin };
  } finally {
    await connection.end().catch(() => {});
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

/** The number of shards determines the location of rows, so the first node fixes it. */
async function readShards(
  connection: pg.Client,
  schema: string,
  wanted: number | undefined,
): Promise<number> {
  await connection.query(
    `INSERT INTO ${schema}.meta (key, value) VALUES ('shards', $1) ON CONFLICT DO NOTHING`,
    [checkShards(wanted ?? defaultShards)],
  );
  const { rows } = await connection.query(`SELECT value FROM ${schema}.meta WHERE key = 'shards'`);
  const shards = Number(rows[0]?.value);
  if (wanted === undefined || wanted === shards) return shards;
  throw new HoldfastError(
    "store",
    "invalid_options",
    `The database has ${shards} shards, which cannot be changed to ${wanted}. Leave the option out`,
  );
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
