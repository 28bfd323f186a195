/** `holdfast migrate` to Redis, with the real command and a real server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { stateAt } from "@holdfast/actors";
import { isErrorCode, systemPorts } from "@holdfast/core";
import { openRedisStore } from "@holdfast/store-redis";
import { startRedis } from "@holdfast/testing/redis";
import { failed, filled, goesOn, killedAfter, manyActors, registryOf, reportOf } from "./migrate-support.ts";
import { command, scratch } from "./support.ts";

test("holdfast migrate moves actors to Redis with everything that they have, also when it is killed", async (t) => {
  const server = await startRedis();
  t.after(() => server.stop());
  const url = server.url("moved");
  const opened = () => openRedisStore({ url, ports: systemPorts(), cachePath: scratch(t) });
  const directory = scratch(t);
  const first = registryOf(t, directory);
  const made = await filled(first);
  await first.shutdown();
  await manyActors(directory, 200);

  const args = ["--from", directory, "--to", url];
  const plan = await reportOf([...args, "--dry-run"]);
  assert.deepEqual([plan.existing, plan.destroyed, plan.state], [182, 21, "not begun"]);
  assert.equal(server.execute("DBSIZE"), "0");
  // While actors are copied.
  await killedAfter(t, directory, url, 6_000_000);
  await assert.rejects(opened(), (error) => isErrorCode(error, "store", "migrate_unfinished"));
  const { code, stdout, stderr } = await command(["migrate", ...args]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Copied 182 actors and 21 records of destroyed ones from .* to Redis at 127\.0\.0\.1/);
  assert.match(stdout, /\d+ were there from an earlier attempt/);
  assert.match(stdout, /Verified: .* 1 databases, 1 objects/);

  const store = await opened();
  assert.equal(((await stateAt(store, made.id, made.time)) as { readonly calls: number }).calls, 1);
  assert.equal((await store.get(made.endedId))?.destroyedAt !== undefined, true);
  assert.equal(await store.count({ name: "plain" }), 181);
  await store.close();
  await goesOn(registryOf(t, scratch(t), url), made);

  failed(
    await command([
      "migrate",
      "--from",
      directory,
      "--to",
      server.url("moved"),
      "--blobs",
      "s3://b/p?endpoint=http://h",
    ]),
    /Redis keeps large objects with everything else: leave out --blobs/,
    2,
  );
});
