import { HoldfastError, type Ports } from "@holdfast/core";
import type pg from "pg";
import { sqlState } from "./errors.ts";
import { checkShards, leaseShard } from "./shards.ts";

/** Schema version that this release writes. */
const schemaVersion = 8;

const defaultShards = 1_024;

/**
 * Migrations by target version. Never edit a published one; add the next. Migrations are additive (tables, columns
 * with defaults, indexes), so that nodes of the previous release keep working.
 *
 * Every primary key starts with the shard, so that tables can be partitioned by it, and rows of one actor are
 * adjacent. Keys of calls are bytes, because PostgreSQL's text cannot hold every character. Actors are found by a hash
 * of their key, because the key may exceed the limit of an index entry.
 */
const migrations: Readonly<Record<number, (schema: string, shards: number) => string>> = {
  1: (schema) => `
    CREATE TABLE ${schema}.actor (
      shard integer NOT NULL,
      id text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      key text COLLATE "C" NOT NULL,
      key_hash bytea NOT NULL,
      epoch bigint NOT NULL,
      version bigint NOT NULL,
      last_commit text NOT NULL,
      snapshot_version bigint,
      calls_until bigint NOT NULL DEFAULT 0,
      wake_at bigint,
      created_at bigint NOT NULL,
      destroyed_at bigint,
      page_size integer,
      pages bigint,
      database_version bigint,
      PRIMARY KEY (shard, id)
    ) WITH (fillfactor = 70);
    CREATE UNIQUE INDEX actor_living ON ${schema}.actor (key_hash) WHERE destroyed_at IS NULL;
    CREATE INDEX actor_list ON ${schema}.actor (id) WHERE destroyed_at IS NULL;
    CREATE INDEX actor_list_name ON ${schema}.actor (name, id) WHERE destroyed_at IS NULL;
    CREATE INDEX actor_wake ON ${schema}.actor (wake_at, id) WHERE wake_at IS NOT NULL;

    CREATE TABLE ${schema}.state (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      version bigint NOT NULL,
      piece integer NOT NULL,
      is_snapshot boolean NOT NULL,
      created_at bigint NOT NULL,
      bytes bytea NOT NULL,
      PRIMARY KEY (shard, actor, version, piece)
    );

    CREATE TABLE ${schema}.kv (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      key bytea NOT NULL,
      piece integer NOT NULL,
      pieces integer NOT NULL,
      value bytea NOT NULL,
      PRIMARY KEY (shard, actor, key, piece)
    );

    CREATE TABLE ${schema}.call (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      key bytea NOT NULL,
      piece integer NOT NULL,
      pieces integer NOT NULL,
      status text NOT NULL,
      outcome bytea,
      expires_at bigint NOT NULL,
      PRIMARY KEY (shard, actor, key, piece)
    );
    CREATE INDEX call_expiry ON ${schema}.call (expires_at);

    CREATE TABLE ${schema}.page (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      page bigint NOT NULL,
      version bigint NOT NULL,
      bytes bytea NOT NULL,
      PRIMARY KEY (shard, actor, page)
    );

    CREATE TABLE ${schema}.blob (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      hash text COLLATE "C" NOT NULL,
      upload text COLLATE "C" NOT NULL,
      size bigint NOT NULL,
      created_at bigint NOT NULL,
      PRIMARY KEY (shard, actor, hash)
    );
    CREATE TABLE ${schema}.blob_piece (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      upload text COLLATE "C" NOT NULL,
      piece integer NOT NULL,
      bytes bytea NOT NULL,
      PRIMARY KEY (shard, actor, upload, piece)
    );
    CREATE TABLE ${schema}.upload (
      shard integer NOT NULL,
      actor text COLLATE "C" NOT NULL,
      id text COLLATE "C" NOT NULL,
      started_at bigint NOT NULL,
      PRIMARY KEY (shard, actor, id)
    );
    CREATE INDEX upload_age ON ${schema}.upload (started_at);
  `,
  2: (schema) => `
    CREATE TABLE ${schema}.node (
      id text COLLATE "C" PRIMARY KEY,
      incarnation text NOT NULL,
      address text NOT NULL,
      version text NOT NULL,
      weight double precision NOT NULL,
      zone text NOT NULL,
      draining boolean NOT NULL,
      serves text NOT NULL,
      expires_at timestamptz NOT NULL
    ) WITH (fillfactor = 50);
    CREATE TABLE ${schema}.scope (name text COLLATE "C" PRIMARY KEY);
    CREATE TABLE ${schema}.lease (
      scope text COLLATE "C" NOT NULL,
      shard integer NOT NULL,
      node text COLLATE "C" NOT NULL,
      incarnation text NOT NULL,
      PRIMARY KEY (scope, shard)
    ) WITH (fillfactor = 70);
    INSERT INTO ${schema}.meta (key, value) VALUES ('cluster_revision', 0);
  `,
  3: (schema) => `
    CREATE TABLE ${schema}.cluster_credentials (
      id smallint PRIMARY KEY,
      proofs text NOT NULL
    );
  `,
  4: (schema, shards) => `
    CREATE INDEX actor_due ON ${schema}.actor ((${leaseShard(shards)}), wake_at, id) WHERE wake_at IS NOT NULL;
    INSERT INTO ${schema}.meta (key, value) VALUES ('cluster_id', floor(random() * 9007199254740991)::bigint);
  `,
  5: (schema) => `
    ALTER TABLE ${schema}.blob ADD COLUMN in_bucket boolean NOT NULL DEFAULT false;
    ALTER TABLE ${schema}.upload ADD COLUMN in_bucket boolean NOT NULL DEFAULT false;
  `,
  6: (schema) => `
    ALTER TABLE ${schema}.actor ADD COLUMN place text COLLATE "C";
    ALTER TABLE ${schema}.node ADD COLUMN region text NOT NULL DEFAULT '';
    ALTER TABLE ${schema}.node ADD COLUMN pools text NOT NULL DEFAULT '[]';
  `,
  // What was made by a release before has one database. A new store records its databases when it is opened.
  7: (schema) => `
    CREATE TABLE ${schema}.cluster_database (
      position integer PRIMARY KEY,
      id bigint NOT NULL,
      first_shard integer NOT NULL
    );
    INSERT INTO ${schema}.cluster_database (position, id, first_shard)
      SELECT 0, value, 0 FROM ${schema}.meta WHERE key = 'cluster_id'
        AND (EXISTS (SELECT 1 FROM ${schema}.actor) OR EXISTS (SELECT 1 FROM ${schema}.node));
  `,
  8: (schema) => `
    CREATE TABLE ${schema}.cluster_change (
      revision bigint PRIMARY KEY,
      mark bigint NOT NULL
    );
  `,
};

/** Checks a schema name, which is inserted into SQL without quoting. Throws `store.invalid_options`. */
export function checkSchemaName(name: string): string {
  if (/^[a-z_][a-z0-9_]{0,62}$/.test(name)) return name;
  throw new HoldfastError(
    "store",
    "invalid_options",
    `The name of the database schema "${name}" must consist of lower-case letters, digits and underscores. Choose another one.`,
  );
}

/**
 * Creates or upgrades the tables. A lock on the row of the version admits one node at a time, even through a pooler in
 * transaction mode. Returns the number of shards, which the first node fixes, because it determines where rows are.
 * Throws `store.format_too_new`, `store.foreign_tables`, `store.invalid_options` for another number of shards.
 */
export async function prepareSchema(
  client: pg.Client,
  schema: string,
  wantedShards: number | undefined,
  ports: Ports,
): Promise<number> {
  const current = await readVersion(client, schema);
  refuseNewer(current, schema);
  if (current === undefined) {
    await refuseForeign(client, schema);
    await createMeta(client, schema);
  }
  const shards = await readShards(client, schema, wantedShards);
  if (current !== schemaVersion) await migrate(client, schema, shards, ports);
  return shards;
}

async function migrate(client: pg.Client, schema: string, shards: number, ports: Ports): Promise<void> {
  await client.query("BEGIN");
  try {
    const { rows } = await client.query(
      `SELECT value FROM ${schema}.meta WHERE key = 'schema_version' FOR UPDATE`,
    );
    const from = Number(rows[0]?.value ?? 0);
    refuseNewer(from, schema);
    for (let version = from + 1; version <= schemaVersion; version += 1) {
      const sql = migrations[version];
      if (sql === undefined) throw new Error(`The migration to version ${version} is missing`);
      await client.query(sql(schema, shards)).catch((error: unknown) => {
        // No release has made it, so somebody else has.
        throw sqlState(error) === duplicateTable ? foreignTables(schema, error) : error;
      });
      ports.log.info("database schema migrated", { schema, version });
    }
    await client.query(`UPDATE ${schema}.meta SET value = $1 WHERE key = 'schema_version'`, [schemaVersion]);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  }
}

/** Undefined if there are no tables yet. Throws `store.foreign_tables`. */
async function readVersion(client: pg.Client, schema: string): Promise<number | undefined> {
  try {
    const { rows } = await client.query(
      `SELECT key, value FROM ${schema}.meta ORDER BY key = 'schema_version' DESC LIMIT 1`,
    );
    const [row] = rows as readonly { readonly key: unknown; readonly value: unknown }[];
    if (row === undefined) return undefined;
    const version = Number(row.value);
    if (row.key !== "schema_version" || !Number.isSafeInteger(version)) throw foreignTables(schema);
    return version;
  } catch (error) {
    const state = sqlState(error);
    if (state === undefinedTable || state === undefinedSchema) return undefined;
    if (state === undefinedColumn) throw foreignTables(schema, error);
    throw error;
  }
}

const undefinedTable = "42P01";
const undefinedColumn = "42703";
const undefinedSchema = "3F000";
const duplicateTable = "42P07";
/** Errors of two nodes that create the same object concurrently, in spite of `IF NOT EXISTS`. */
const createdMeanwhile = new Set(["23505", "42P06", "42P07"]);

async function createMeta(client: pg.Client, schema: string): Promise<void> {
  // `IF NOT EXISTS` would ask for the right to create schemas even where the administrator has made this one.
  const { rows } = await client.query("SELECT to_regnamespace($1) IS NULL AS missing", [schema]);
  const create = `${rows[0]?.missing === true ? `CREATE SCHEMA IF NOT EXISTS ${schema};` : ""}
    CREATE TABLE IF NOT EXISTS ${schema}.meta (key text PRIMARY KEY, value bigint NOT NULL)`;
  for (let attempt = 1; ; attempt += 1) {
    try {
      await client.query(create);
      break;
    } catch (error) {
      if (attempt === 5 || !createdMeanwhile.has(sqlState(error) ?? "")) throw error;
    }
  }
  await client.query(
    `INSERT INTO ${schema}.meta (key, value) VALUES ('schema_version', 0) ON CONFLICT DO NOTHING`,
  );
}

/** Tables of ours appear together with a version, so tables without one are those of somebody else. */
async function refuseForeign(client: pg.Client, schema: string): Promise<void> {
  const own = Object.values(migrations).flatMap((sql) =>
    [...sql("", 1).matchAll(/CREATE TABLE \.(\w+)/g)].map(([, table]) => table),
  );
  const { rows } = await client.query(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tablename = ANY ($2)",
    [schema, own],
  );
  const [found] = rows as readonly { readonly name: string }[];
  if (found === undefined || (await readVersion(client, schema)) !== undefined) return;
  throw foreignTables(schema, new Error(`there is a table "${found.name}"`));
}

function foreignTables(schema: string, cause?: unknown): HoldfastError {
  const found = cause instanceof Error ? ` (${cause.message})` : "";
  const message = `The schema "${schema}" of the database has tables that Holdfast has not made${found}. They are left as they are. Use another database`;
  return new HoldfastError("store", "foreign_tables", message, { cause, metadata: { schema } });
}

async function readShards(client: pg.Client, schema: string, wanted: number | undefined): Promise<number> {
  await client.query(`INSERT INTO ${schema}.meta (key, value) VALUES ('shards', $1) ON CONFLICT DO NOTHING`, [
    checkShards(wanted ?? defaultShards),
  ]);
  const { rows } = await client.query(`SELECT value FROM ${schema}.meta WHERE key = 'shards'`);
  const shards = Number(rows[0]?.value);
  if (wanted === undefined || wanted === shards) return shards;
  throw new HoldfastError(
    "store",
    "invalid_options",
    `The database has ${shards} shards, which cannot be changed to ${wanted}. Leave the option out`,
  );
}

function refuseNewer(version: number | undefined, schema: string): void {
  if (version === undefined || version <= schemaVersion) return;
  throw new HoldfastError(
    "store",
    "format_too_new",
    `The schema "${schema}" of the database has version ${version}; this release supports versions up to ${schemaVersion}. Use a newer release.`,
    { metadata: { format: version, supported: schemaVersion } },
  );
}
