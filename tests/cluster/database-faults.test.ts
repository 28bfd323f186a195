import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { openPostgresStore } from "@holdfast/store-postgres";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { atEnd } from "./at-end.ts";
import { CounterLoad } from "./counter-load.ts";
import { clientOf, eventually, startNode, startNodes, type TestNode } from "./nodes.ts";
import { startProxy } from "./proxy.ts";

const env = { TEST_TTL_MS: "2000" };

describe("faults of the database server", () => {
  async function postgres(
    t: TestContext,
    settings?: Record<string, string>,
    parent?: string,
  ): Promise<PostgresServer> {
    const server = await startPostgres(settings, parent);
    atEnd(t, () => server.stop());
    return server;
  }

  async function cluster(t: TestContext, store: string): Promise<readonly TestNode[]> {
    const nodes = await startNodes(2, { store, env });
    atEnd(t, () => Promise.all(nodes.map((node) => node.stop())));
    return nodes;
  }

  function loadsOf(t: TestContext, nodes: readonly TestNode[], name: string): readonly CounterLoad[] {
    const urls = nodes.map(({ url }) => url);
    return Array.from({ length: 4 }, (_, index) => new CounterLoad(t, () => urls, `${name}-${index}`, 2));
  }

  async function more(loads: readonly CounterLoad[], calls: number): Promise<void> {
    await Promise.all(loads.map((load) => load.acknowledgedMore(calls)));
  }

  async function check(loads: readonly CounterLoad[]): Promise<void> {
    for (const load of loads) {
      await load.stop();
      await load.check();
    }
  }

  test("a synchronous standby is promoted under load: nothing acknowledged is lost", async (t) => {
    const primary = await postgres(t);
    const standby = await primary.startStandby();
    atEnd(t, () => standby.stop());
    // Each commit waits until the standby has it.
    primary.execute("ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()");
    let port = primary.port;
    const proxy = await startProxy(() => port);
    atEnd(t, () => proxy.close());
    const nodes = await cluster(t, `postgres://holdfast@127.0.0.1:${proxy.port}/postgres`);
    const loads = loadsOf(t, nodes, "promoted");
    await more(loads, 15);
    await primary.crash();
    await standby.promote();
    port = standby.port;
    proxy.heal();
    await more(loads, 15);
    await check(loads);
  });

  for (const [what, catchesUp] of [
    ["fewer changes", false],
    ["as many changes, but others", true],
  ] as const)
    test(`a standby that was promoted without the last commits is refused: it has ${what}`, async (t) => {
      const primary = await postgres(t);
      const standby = await primary.startStandby();
      atEnd(t, () => standby.stop());
      let port = primary.port;
      const proxy = await startProxy(() => port);
      atEnd(t, () => proxy.close());
      const store = `postgres://holdfast@127.0.0.1:${proxy.port}/postgres`;
      const first = await startNode("first", { store, env });
      atEnd(t, () => first.stop());
      assert.equal(await clientOf(first).counter.getOrCreate(["k"]).add(1), 1);
      // The standby follows no more, and misses that a node joins.
      await standby.promote();
      const second = await startNode("second", { store, env });
      atEnd(t, () => second.stop());
      // A node notices what it has seen and the standby has not: the join and the first shards.
      await eventually("shards of the second node", async () => {
        const status = (await (await fetch(`${second.url}/cluster`)).json()) as {
          readonly nodes: readonly { readonly id: string; readonly shards: number }[];
        };
        return status.nodes.some(({ id, shards }) => id === "second" && shards > 0) ? true : undefined;
      });
      if (catchesUp) await changeAsOften(t, primary.port, standby.port);
      await primary.crash();
      port = standby.port;
      proxy.heal();
      for (const node of [first, second]) {
        await eventually(`the refusal of ${node.name}`, () =>
          node.log().includes("the database has lost changes of the cluster") ? true : undefined,
        );
        assert.equal((await fetch(`${node.url}/readyz`)).status, 503);
      }
    });

  test("all connections of the server are taken for a while, then statements run into its time limit: calls wait or fail in words, and nothing acknowledged is lost", async (t) => {
    const server = await postgres(t, { max_connections: "60", superuser_reserved_connections: "3" });
    server.execute("CREATE ROLE app LOGIN", "GRANT CREATE ON DATABASE postgres TO app");
    const store = `postgres://app@127.0.0.1:${server.port}/postgres`;
    const nodes = await cluster(t, store);
    const loads = loadsOf(t, nodes, "pool");
    await more(loads, 12);
    // As if other programs had taken them: those of the nodes end, and no new one is accepted.
    server.execute(
      "ALTER ROLE app CONNECTION LIMIT 0",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
    );
    await eventually("a node that is not ready", async () => {
      const states = await Promise.all(nodes.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));
      return states.includes(503) ? true : undefined;
    });
    server.execute("ALTER ROLE app CONNECTION LIMIT -1");
    await more(loads, 12);
    // The limit holds for new connections, and every write waits for the lock.
    server.execute(
      "ALTER ROLE app SET statement_timeout = '200ms'",
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'",
    );
    await more(loads, 5);
    server.execute("BEGIN; LOCK TABLE holdfast.actor IN EXCLUSIVE MODE; SELECT pg_sleep(1.5); COMMIT");
    await more(loads, 12);
    await check(loads);
  });

  test("the disk of the database is full for a while: calls fail in words, and nothing is lost", async (t) => {
    const disk = mkdtempSync(join(tmpdir(), "holdfast-small-disk-"));
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256m,mode=777", "tmpfs", disk]);
    if (mounted.status !== 0) return t.skip("only root can mount a small disk");
    atEnd(t, () => {
      spawnSync("umount", ["-l", disk]);
      rmSync(disk, { recursive: true, force: true });
    });
    chmodSync(disk, 0o777);
    const server = await postgres(t, { max_wal_size: "48MB", min_wal_size: "32MB" }, disk);
    const nodes = await cluster(t, server.url);
    const loads = loadsOf(t, nodes, "full");
    await more(loads, 12);
    const ballast = join(disk, "ballast");
    fill(ballast);
    const [node] = nodes;
    assert.ok(node);
    const client = clientOf(node);
    const text = "x".repeat(60_000);
    const errors: string[] = [];
    await eventually("a write that finds no space", async () => {
      const writes = Array.from({ length: 8 }, (_, at) =>
        client.notes.getOrCreate([`full-${at}`]).write(text),
      );
      for (const write of await Promise.allSettled(writes)) {
        if (write.status === "rejected") errors.push((write.reason as Error).message);
      }
      return errors.length > 0 ? true : undefined;
    });
    assert.match(
      errors[0] ?? "",
      /disk of the database is full|cannot be used|outcome could not be read|waits? for/,
    );
    rmSync(ballast);
    if (!isRunning(server)) await server.restart();
    await more(loads, 12);
    await check(loads);
  });
});

/** Takes all space of a disk. */
function fill(path: string): void {
  const block = Buffer.alloc(1_048_576);
  try {
    for (;;) writeFileSync(path, block, { flag: "a" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
  }
}

/** A server that cannot write its log ends. */
function isRunning(server: PostgresServer): boolean {
  try {
    server.execute("SELECT 1");
    return true;
  } catch {
    return false;
  }
}

/** Changes leases at the standby until there were as many changes as at the primary, although others. */
async function changeAsOften(t: TestContext, primary: number, standby: number): Promise<void> {
  const cachePath = mkdtempSync(join(tmpdir(), "holdfast-cache-"));
  t.after(() => rmSync(cachePath, { recursive: true, force: true }));
  const open = (port: number) => {
    const url = `postgres://holdfast@127.0.0.1:${port}/postgres`;
    return openPostgresStore({ url, cachePath: join(cachePath, `${port}`), ports: systemPorts() });
  };
  const [one, other] = [await open(primary), await open(standby)];
  const { revision } = await one.cluster.view();
  const nobody = { id: "nobody", incarnation: "none" };
  while ((await other.cluster.view()).revision < revision) await other.cluster.claim(nobody, "", []);
  await Promise.all([one.close(), other.close()]);
}
