/** Which prepared environments of a repository are kept. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { Snapshots } from "../../src/environments/snapshots.ts";
import type { Git } from "../../src/git/git.ts";
import { temporaryFolder } from "../support.ts";

const repository = { path: "/r", node: undefined };
const [first, second, third] = ["a", "b", "c"].map((digit) => digit.repeat(32)) as [string, string, string];

async function open(t: TestContext) {
  const directory = temporaryFolder(t);
  const snapshots = new Snapshots(directory, {} as Git, silentLogger);
  const prepare = async (id: string, preparedAt: number) => {
    const work = await snapshots.begin(id);
    for (const part of ["files", "home"]) mkdirSync(join(work, "snapshot", part), { recursive: true });
    const manifest = { version: 1, repository: "/r", preparedAt, additions: [] } as const;
    await snapshots.publish(id, work, manifest);
  };
  t.after(() => snapshots.close());
  return { snapshots, prepare };
}

test("an old environment that is being prepared again keeps its folder", async (t) => {
  const { snapshots, prepare } = await open(t);
  await prepare(first, 1);
  await prepare(second, 2);
  await prepare(third, 3);
  const work = await snapshots.begin(first);
  await snapshots.prune(repository, "local", 1, (id) => id === first);
  assert.ok(existsSync(work), "the preparation goes on in it");
  assert.deepEqual(
    [first, second, third].map((id) => snapshots.has(id)),
    [true, false, true],
  );
});

test("an environment that is taken away meanwhile is no obstacle", async (t) => {
  const { snapshots, prepare } = await open(t);
  await prepare(first, 1);
  await prepare(second, 2);
  await prepare(third, 3);
  await Promise.all([snapshots.discard(second), snapshots.prune(repository, "local", 1, () => false)]);
  assert.deepEqual(
    [first, second, third].map((id) => snapshots.has(id)),
    [false, false, true],
  );
});
