import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { afterTest } from "@holdfast/testing";
import { newSchema, next, openStore, sharedServer, sql, tempDirectory } from "./support.ts";

const server = await sharedServer();
const script = new URL("./node-process.ts", import.meta.url).pathname;

interface Node {
  readonly child: ChildProcess;
  readonly id: string;
  readonly schema: string;
  readonly cachePath: string;
  /** Everything that it has printed so far, in order. */
  readonly lines: readonly string[];
  /** Resolves when it has acknowledged this version. */
  acknowledged(version: number): Promise<void>;
}

function startNode(t: TestContext): Node {
  const [id, schema, cachePath] = [randomUUID(), newSchema(), tempDirectory(t)];
  const child = spawn(process.execPath, [script, server.url, schema, cachePath, id], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  afterTest(t, () => child.kill("SIGKILL"));
  const lines: string[] = [];
  const output = createInterface({ input: child.stdout });
  output.on("line", (line) => lines.push(line));
  return {
    ...{ child, id, schema, cachePath, lines },
    async acknowledged(version) {
      while (Number(lines.at(-1) ?? 0) < version) await once(output, "line");
    },
  };
}

test("a node that is killed loses nothing that it acknowledged; its local copy is not trusted", async (t) => {
  const { child, id, schema, cachePath, lines, acknowledged } = startNode(t);
  await acknowledged(150);
  child.kill("SIGKILL");
  await once(child, "exit");
  const store = await openStore(t, { url: server.url, schema, cachePath });
  const { record } = await store.acquire(id);
  const database = await store.databases.open(id, record.epoch, false);
  const last = Number(lines.at(-1));
  assert.ok(record.version >= last && record.version <= last + 1, `${record.version}, acknowledged ${last}`);
  assert.deepEqual(sql(database, "SELECT count(*) AS n, max(version) AS last FROM item"), [
    { n: record.version, last: record.version },
  ]);
  assert.deepEqual(sql(database, "PRAGMA integrity_check"), [{ integrity_check: "ok" }]);
  assert.ok(store.stats().pagesLoaded > 0);
});

test("a frozen node that goes on after its actor has moved is fenced at its next turn", async (t) => {
  const { child, id, schema, lines, acknowledged } = startNode(t);
  await acknowledged(50);
  child.kill("SIGSTOP");
  const store = await openStore(t, { url: server.url, schema });
  const { record } = await store.acquire(id);
  const database = await store.databases.open(id, record.epoch, false);
  sql(database, "INSERT INTO item VALUES (-1, 'of the new owner')");
  const commit = next(id, record.version + 1, { database: true }, record.epoch);
  await store.commit(commit);
  child.kill("SIGCONT");
  await once(child, "exit");
  assert.equal(lines.at(-1), "actor.fenced");
  const acknowledgedLast = Number(lines.at(-2));
  assert.ok(acknowledgedLast <= record.version, "nothing was acknowledged after the move");
  assert.deepEqual(sql(database, "SELECT max(version) AS last FROM item"), [{ last: record.version }]);
  assert.equal((await store.get(id))?.version, record.version + 1);
});
