import type { CallRecord, KvEntry, KvRange, LoadedActor } from "@holdfast/actors";
import { notFound } from "@holdfast/store-kit";
import { postgresStoreLimits } from "../limits.ts";
import type { Connections } from "./connection/connections.ts";
import type { SqlParameter } from "./connection/transaction-query.ts";
import {
  actorRecord,
  bytes,
  callRecord,
  integer,
  joined,
  optionalInteger,
  type Row,
  recordColumns,
  storedState,
} from "./rows.ts";
import { shardOf } from "./shards.ts";

/** Reads the data of one actor: its state when an owner takes over, entries and call records. */
export class ActorData {
  readonly #connections: Connections;
  readonly #shards: number;
  readonly #sql;
  #callsSincePrune = 0;

  constructor(connections: Connections, schema: string, shards: number) {
    this.#connections = connections;
    this.#shards = shards;
    this.#sql = dataSql(schema);
  }

  /**
   * Raises the epoch, then reads the state, in one round trip. These are two transactions, so that the second one sees
   * all commits of earlier owners, including one that the first waited for.
   */
  async acquire(id: string): Promise<{ readonly loaded: LoadedActor; readonly row: Row }> {
    const values = [shardOf(id, this.#shards), id];
    const [raised = [], state = []] = await this.#connections.readEach([
      [{ text: this.#sql.acquire, values, returns: true }],
      [{ text: this.#sql.state, values, returns: true }],
    ]);
    const [row] = raised;
    if (row === undefined) throw notFound(id);
    const stored = storedState(state);
    const loaded = {
      record: actorRecord(row),
      callsUntil: integer(row, "calls_until"),
      ...(stored === undefined ? {} : { state: stored }),
      ...(optionalInteger(row, "pages") === undefined ? {} : { hasDatabase: true }),
    };
    return { loaded, row };
  }

  async call(id: string, key: string, now: number): Promise<CallRecord | undefined> {
    const rows = await this.#rows(this.#sql.call, id, Buffer.from(key), now);
    return callRecord(key, rows);
  }

  async kvGet(id: string, key: Uint8Array): Promise<Uint8Array | undefined> {
    const [row] = await this.#rows(this.#sql.kvGet, id, key);
    return row && this.#value(id, key, row);
  }

  async kvList(id: string, range: KvRange): Promise<readonly KvEntry[]> {
    const text = range.reverse === true ? this.#sql.kvListReverse : this.#sql.kvList;
    const rows = await this.#rows(text, id, range.start, range.end ?? null, Math.max(0, range.limit));
    return Promise.all(
      rows.map(async (row) => {
        const key = bytes(row, "key");
        return { key, value: await this.#value(id, key, row) };
      }),
    );
  }

  /** Reads the remaining pieces of a value. */
  async #value(id: string, key: Uint8Array, first: Row): Promise<Uint8Array> {
    const pieces = integer(first, "pieces");
    if (pieces === 1) return bytes(first, "value");
    return joined([first, ...(await this.#rows(this.#sql.kvPieces, id, key, pieces))], "value");
  }

  /**
   * Counts written call records. After every `callsBetweenPrunes` of them it removes up to twice as many expired ones,
   * so that the table stays bounded. Skips rows that another node is removing.
   */
  async prune(written: number, now: number): Promise<void> {
    this.#callsSincePrune += written;
    const limit = postgresStoreLimits.callsBetweenPrunes;
    if (this.#callsSincePrune < limit) return;
    const values = [now, 2 * this.#callsSincePrune];
    this.#callsSincePrune = 0;
    await this.#connections.read({ text: this.#sql.pruneCalls, values });
  }

  #rows(text: string, id: string, ...values: readonly SqlParameter[]): Promise<readonly Row[]> {
    const own = [shardOf(id, this.#shards), id];
    return this.#connections.read({ text, values: [...own, ...values], returns: true });
  }
}

function dataSql(schema: string) {
  const own = "shard = $1 AND actor = $2";
  const kvList = (order: string) => `SELECT key, pieces, value FROM ${schema}.kv WHERE ${own} AND piece = 0
    AND key >= $3 AND ($4::bytea IS NULL OR key < $4) ORDER BY key ${order} LIMIT $5::bigint`;
  return {
    acquire: `UPDATE ${schema}.actor SET epoch = epoch + 1
      WHERE shard = $1 AND id = $2 AND destroyed_at IS NULL
      RETURNING ${recordColumns}, calls_until, page_size, pages, database_version`,
    state: `SELECT version, piece, bytes FROM ${schema}.state WHERE ${own} AND version >=
      (SELECT snapshot_version FROM ${schema}.actor WHERE shard = $1 AND id = $2)
      ORDER BY version, piece`,
    call: `SELECT status, pieces, outcome, expires_at FROM ${schema}.call
      WHERE ${own} AND key = $3 AND expires_at > $4 ORDER BY piece`,
    kvGet: `SELECT pieces, value FROM ${schema}.kv WHERE ${own} AND key = $3 AND piece = 0`,
    kvPieces: `SELECT value FROM ${schema}.kv WHERE ${own} AND key = $3 AND piece > 0 AND piece < $4
      ORDER BY piece`,
    kvList: kvList("ASC"),
    kvListReverse: kvList("DESC"),
    pruneCalls: `DELETE FROM ${schema}.call WHERE (shard, actor, key, piece) IN (
      SELECT shard, actor, key, piece FROM ${schema}.call WHERE expires_at <= $1
      ORDER BY expires_at LIMIT $2::bigint FOR UPDATE SKIP LOCKED)`,
  };
}
