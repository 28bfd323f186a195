import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { stateAt } from "@holdfast/actors";
import { encodeValue, isErrorCode, systemPorts } from "@holdfast/core";
import { openPostgresStore } from "@holdfast/store-postgres";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import pg from "pg";
import {
  failed,
  filled,
  goesOn,
  haltingProxy,
  killedAfter,
  manyActors,
  registryOf,
  reportOf,
} from "./migrate-support.ts";
import { command, scratch } from "./support.ts";

describe("holdfast migrate", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test("moves actors with everything that they have, and they go on from PostgreSQL", async (t) => {
    const directory = scratch(t);
    const first = registryOf(t, directory);
    const made = await filled(first);

    failed(
      await command(["migrate", "--from", directory, "--to", server.url]),
      /A server has the data directory .* open\. Stop it, and repeat \(store\.locked\)/,
    );
    await first.shutdown();

    const url = server.createDatabase();
    const args = ["--from", directory, "--to", url];
    const plan = await reportOf([...args, "--dry-run"]);
    assert.deepEqual([plan.existing, plan.destroyed, plan.state], [2, 1, "not begun"]);
    const report = await reportOf(args);
    assert.deepEqual(
      [report.existing, report.destroyed, report.resumed, report.isRepeated],
      [2, 1, 0, false],
    );
    assert.deepEqual([report.databases, report.objects], [1, 1]);
    assert.ok(report.calls >= 1 && report.entries > 5 && report.log > 3, JSON.stringify(report));
    assert.equal((await reportOf(args)).isRepeated, true);
    assert.equal((await reportOf([...args, "--dry-run"])).state, "finished");

    const store = await openPostgresStore({ url, ports: systemPorts(), cachePath: scratch(t) });
    assert.equal(((await stateAt(store, made.id, made.time)) as { readonly calls: number }).calls, 1);
    assert.equal(((await stateAt(store, made.id, Date.now())) as { readonly calls: number }).calls, 2);
    assert.equal((await store.get(made.endedId))?.destroyedAt !== undefined, true);
    await store.close();

    const second = registryOf(t, scratch(t), url);
    await goesOn(second, made);

    const again = registryOf(t, directory);
    await again.client.plain.getOrCreate("p").add(1);
    await again.shutdown();
    failed(await command(["migrate", ...args]), /has been used since.*\(migrate\.source_changed\)/);
  });

  test("can be killed at any point and repeated, and finds an actor that differs", async (t) => {
    const directory = scratch(t);
    await manyActors(directory, 600);
    const whole = new URL(server.createDatabase());
    const proxy = await haltingProxy(t, server.port, Number.POSITIVE_INFINITY);
    whole.port = `${proxy.port}`;
    await reportOf(["--from", directory, "--to", whole.href]);
    const total = proxy.forwarded();

    // While the tables are created; twice while actors are copied; while they are verified.
    const url = server.createDatabase();
    const args = ["--from", directory, "--to", url];
    const opened = () => openPostgresStore({ url, ports: systemPorts(), cachePath: scratch(t) });
    await killedAfter(t, directory, url, 4_000);
    for (const share of [0.1, 0.15, 0.5]) {
      await killedAfter(t, directory, url, share * total);
      await assert.rejects(opened(), (error) => isErrorCode(error, "store", "migrate_unfinished"));
    }
    assert.equal((await reportOf([...args, "--dry-run"])).state, "unfinished");
    const { code, stdout, stderr } = await command(["migrate", ...args]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /Copied 540 actors and 60 records of destroyed ones/);
    assert.match(stdout, /600 were there from an earlier attempt/);
    assert.match(stdout, /Verified: 540 states and changes, 545 entries, 540 call records/);
    const store = await opened();
    assert.equal(await store.count({ name: "plain" }), 540);
    const record = await store.find("plain", ["11"]);
    assert.deepEqual((await store.acquire(record?.id ?? "")).state?.snapshot, encodeValue({ n: 11 }));
    await store.close();

    const client = new pg.Client(url);
    await client.connect();
    t.after(() => client.end());
    await client.query("UPDATE holdfast.meta SET value = 0 WHERE key LIKE 'migrate/%'");
    await client.query(
      "UPDATE holdfast.kv SET value = 'x' WHERE ctid = (SELECT ctid FROM holdfast.kv LIMIT 1)",
    );
    failed(
      await command(["migrate", ...args]),
      /is not in the database as it is in the source.*\(migrate\.mismatch\)/,
    );
  });

  test("refuses a database with other data, a directory without actors, and another URL", async (t) => {
    const directory = scratch(t);
    await manyActors(directory, 10);
    const url = server.createDatabase();
    const other = scratch(t);
    await manyActors(other, 10);
    await reportOf(["--from", other, "--to", url]);
    const args = ["migrate", "--from", directory, "--to"];
    failed(await command([...args, url]), /migrated from another data directory.*\(migrate\.not_empty\)/);
    const used = server.createDatabase();
    const registry = registryOf(t, scratch(t), used);
    await registry.client.plain.getOrCreate("p").add(1);
    await registry.shutdown();
    for (const more of [[], ["--dry-run"]]) {
      failed(
        await command([...args, used, ...more]),
        /already has actors of its own.*\(migrate\.not_empty\)/,
      );
    }
    failed(
      await command(["migrate", "--from", scratch(t), "--to", url]),
      /There are no actors at .*\(migrate\.nothing_there\)/,
    );
    const wrong = await command([...args, "mysql://user:secret@host/database"]);
    assert.equal(wrong.code, 2);
    assert.doesNotMatch(wrong.stderr, /secret/);
  });
});
