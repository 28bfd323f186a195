import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext } from "node:test";
import type { ActorDatabase, CommitBatch, SqlParameters, SqlRow } from "@holdfast/actors";
import { isErrorCode, systemPorts } from "@holdfast/core";
import { openPostgresStore, type PostgresStore, type PostgresStoreOptions } from "@holdfast/store-postgres";
import { afterTest } from "@holdfast/testing";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import pg from "pg";

/** One server for all tests of a file. Each test takes a schema of its own. */
export async function sharedServer(settings?: Readonly<Record<string, string>>): Promise<PostgresServer> {
  const server = await startPostgres(settings);
  after(() => server.stop());
  return server;
}

export function tempDirectory(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "holdfast-cache-"));
  afterTest(t, () => rmSync(path, { recursive: true, force: true }));
  return path;
}

export function newSchema(): string {
  return `test_${randomUUID().replaceAll("-", "")}`;
}

export type OpenOptions = Partial<PostgresStoreOptions> & { readonly url: string };

/** Opens a store; it is closed after the test. */
export async function openStore(t: TestContext, options: OpenOptions): Promise<PostgresStore> {
  const store = await openPostgresStore({
    ports: systemPorts(),
    schema: newSchema(),
    cachePath: options.cachePath ?? tempDirectory(t),
    ...options,
  });
  afterTest(t, () => store.close());
  return store;
}

/** A plain session with the server, closed after the test. */
export async function session(t: TestContext, url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on("error", () => {});
  await client.connect();
  afterTest(t, () => client.end());
  return client;
}

export type Changes = Partial<Omit<CommitBatch, "actorId" | "epoch" | "version" | "create">>;

export function create(id: string, changes: Changes = {}): CommitBatch {
  return { ...next(id, 1, changes), create: { name: "test", key: [id], createdAt: 1_700_000_000_000 } };
}

export function next(id: string, version: number, changes: Changes = {}, epoch = 1): CommitBatch {
  return { actorId: id, epoch, version, commitId: randomUUID(), ...changes };
}

export function snapshot(text: string): Changes {
  return { state: { type: "snapshot", bytes: bytes(text) } };
}

export function patch(text: string): Changes {
  return { state: { type: "patch", bytes: bytes(text) } };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function code(group: string, name: string): (error: unknown) => boolean {
  return (error) => {
    if (isErrorCode(error, group, name)) return true;
    throw new Error(`Expected ${group}.${name}`, { cause: error });
  };
}

export function sql(database: ActorDatabase, text: string, parameters?: SqlParameters): SqlRow[] {
  const statement = database.prepare(text);
  if (statement === undefined) throw new Error("There is no statement");
  return statement.rows(parameters);
}
