/** Backup and restore as docs/how-to/back-up-postgresql.md describes them. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { blobReferencePrefix } from "@holdfast/actors";
import { programPath } from "@holdfast/testing/postgres";
import {
  bytes,
  create,
  next,
  openStore,
  patch,
  sharedServer,
  snapshot,
  sql,
  tempDirectory,
} from "./support.ts";

const server = await sharedServer();

function run(program: string, ...args: readonly string[]): void {
  execFileSync(programPath(program, "postgresql"), args, { stdio: ["ignore", "ignore", "inherit"] });
}

test("a dump restores actors with everything that they had, and they go on", async (t) => {
  const url = server.createDatabase();
  const open = () => openStore(t, { url, schema: "holdfast" });
  const first = await open();
  const id = randomUUID();
  const object = async function* () {
    yield new Uint8Array(2_000_000).fill(7);
  };
  const { hash } = await first.blobs.put(id, object(), 1e9);
  const database = await first.databases.open(id, 1, true);
  sql(database, "CREATE TABLE item (name TEXT)");
  sql(database, "INSERT INTO item VALUES ('before')");
  const reference = Uint8Array.from([...blobReferencePrefix(hash), 0]);
  const kv = [{ type: "put", key: reference, value: bytes("x") }] as const;
  await first.commit(create(id, { ...snapshot("state"), kv, database: true, wakeAt: 4_000_000_000_000 }));

  const file = join(tempDirectory(t), "actors.dump");
  run("pg_dump", "--format=custom", "--schema=holdfast", `--file=${file}`, url);
  sql(database, "INSERT INTO item VALUES ('after')");
  await first.commit(next(id, 2, { ...patch("after"), database: true }));
  await first.close();
  run("pg_restore", "--clean", "--if-exists", `--dbname=${url}`, file);

  const second = await open();
  const { record, state } = await second.acquire(id);
  assert.deepEqual([record.version, record.wakeAt, state?.patches], [1, 4_000_000_000_000, []]);
  const restored = await second.databases.open(id, record.epoch, false);
  assert.deepEqual(sql(restored, "SELECT name FROM item"), [{ name: "before" }]);
  const stream = await second.blobs.read(id, hash, { start: 1_999_999, end: 2_000_000 });
  assert.deepEqual(await stream?.getReader().read(), { done: false, value: new Uint8Array([7]) });
  sql(restored, "INSERT INTO item VALUES ('again')");
  await second.commit(next(id, 2, { database: true }, record.epoch));
  assert.equal((await second.get(id))?.version, 2);
});
