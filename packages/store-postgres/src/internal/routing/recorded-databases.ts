import { HoldfastError } from "@holdfast/core";
import pg from "pg";
import { mapConnectionError } from "../errors.ts";
import { equalRanges } from "./shard-ranges.ts";

/** A database of a store, as each of its databases records it. */
export interface RecordedDatabase {
  /** Made with the tables of the database; stays when they are moved to another server. */
  readonly id: string;
  /** It has the actors from this shard up to that of the next database. */
  readonly firstShard: number;
}

/** A database that is named for a store, with what it says itself. */
export interface NamedDatabase {
  readonly client: pg.ClientConfig;
  readonly schema: string;
  readonly shards: number;
  /** Its id, as `RecordedDatabase.id`. */
  readonly clusterId: string;
  /** Its record of the databases of its store; none before the first start. */
  readonly databases: readonly RecordedDatabase[];
  /** For people, without a password. */
  readonly name: string;
}

/** Reads the databases of the store that this one belongs to, in order; none before its first start. */
export async function readDatabases(client: pg.Client, schema: string): Promise<readonly RecordedDatabase[]> {
  const { rows } = await client.query(
    `SELECT id, first_shard FROM ${schema}.cluster_database ORDER BY position`,
  );
  return rows.map((row: { readonly id: unknown; readonly first_shard: unknown }) => ({
    id: String(row.id),
    firstShard: Number(row.first_shard),
  }));
}

/**
 * Checks that these are the databases with which the store has started first, or records them at its first start. An
 * address is no part of the record, so that a database can move to another server. Returns the first shard of each.
 * Throws `store.databases_differ`.
 */
export async function confirmDatabases(servers: readonly NamedDatabase[]): Promise<readonly number[]> {
  const [first] = servers;
  if (first === undefined) throw new Error("A store has at least one database");
  refuseCopies(servers);
  const { shards } = first;
  if (servers.length > shards) throw differ(`${servers.length} databases are more than ${shards} shards`);
  const firsts = equalRanges(servers.length, shards);
  const wanted = servers.map(({ clusterId: id }, at) => ({ id, firstShard: firsts[at] ?? 0 }));
  // A database that is not of this store is found before anything is written.
  for (const [at, { databases }] of servers.entries()) {
    if (databases.length > 0) compare(servers, at, databases);
  }
  for (const [at, server] of servers.entries()) {
    if (server.databases.length > 0) continue;
    compare(servers, at, await record(server, first.databases.length > 0 ? first.databases : wanted));
  }
  return first.databases.length > 0 ? first.databases.map(({ firstShard }) => firstShard) : firsts;
}

/** Returns what is recorded then: another node may have been faster. */
async function record(
  { client: config, schema }: NamedDatabase,
  wanted: readonly RecordedDatabase[],
): Promise<readonly RecordedDatabase[]> {
  const client = new pg.Client(config);
  // An unhandled error event would end the process.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("BEGIN");
    await client.query(`SELECT 1 FROM ${schema}.meta WHERE key = 'schema_version' FOR UPDATE`);
    const found = await readDatabases(client, schema);
    if (found.length > 0) return found;
    for (const [at, { id, firstShard }] of wanted.entries()) {
      await client.query(
        `INSERT INTO ${schema}.cluster_database (position, id, first_shard) VALUES ($1, $2, $3)`,
        [at, id, firstShard],
      );
    }
    await client.query("COMMIT");
    return wanted;
  } catch (error) {
    throw mapConnectionError(error);
  } finally {
    await client.end().catch(() => {});
  }
}

function refuseCopies(servers: readonly NamedDatabase[]): void {
  for (const [at, server] of servers.entries()) {
    const same = servers.findIndex(({ clusterId }) => clusterId === server.clusterId);
    if (same === at) continue;
    throw differ(
      `The databases ${same + 1} and ${at + 1} (${server.name}) are one, or one is a copy of the other. Name each of them once`,
    );
  }
}

/** Compares what the database at this position says with the servers that are named. */
function compare(servers: readonly NamedDatabase[], at: number, recorded: readonly RecordedDatabase[]): void {
  const { name = "", clusterId = "" } = servers[at] ?? {};
  const isFirst = recorded[0]?.id === servers[0]?.clusterId;
  const position = recorded.findIndex(({ id }) => id === clusterId);
  if (at === 0 && position > 0) {
    const all = recorded.length;
    throw differ(
      `The database ${name} is number ${position + 1} of the ${all} databases of a store. Name all ${all} of them, in their order`,
    );
  }
  if (!isFirst) {
    throw differ(
      `The database ${name} belongs to another store, or to one that has started with this database alone. Give each store databases of its own; it keeps those of its first start`,
    );
  }
  if (recorded.length !== servers.length) {
    const named = servers.length === 1 ? "1 is" : `${servers.length} are`;
    throw differ(
      `The store has ${count(recorded.length)}, and ${named} named. It keeps the databases of its first start: name all of them, in their order. To use more servers, move a database to one of its own and change its URL`,
    );
  }
  for (const [number, { id }] of recorded.entries()) {
    const named = servers[number];
    if (named?.clusterId === id) continue;
    const actual = recorded.findIndex((each) => each.id === named?.clusterId);
    const what =
      actual >= 0
        ? `is number ${actual + 1} of the databases of this store. Name them in their order`
        : "is not the one that the store has started with. Name that one, or restore a backup of it";
    throw differ(`Database ${number + 1} of ${recorded.length} (${named?.name ?? ""}) ${what}`);
  }
}

function count(databases: number): string {
  return databases === 1 ? "one database" : `${databases} databases`;
}

function differ(message: string): HoldfastError {
  return new HoldfastError("store", "databases_differ", message, { statusCode: 400 });
}
