import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { encodeKey } from "@holdfast/core";
import { type NatsServer, startNats } from "@holdfast/testing/nats";
import {
  type PgBouncer,
  type PostgresServer,
  startPgBouncer,
  startPostgres,
} from "@holdfast/testing/postgres";
import pg from "pg";
import { clientOf, eventually, haveShared, metricOf, runCli, startNode, type TestNode } from "./nodes.ts";

/** So rare that nothing here happens because a node looked by itself. */
const rarely = { TEST_TTL_MS: "120000", TEST_POLL_MS: "120000" };
/** Far less than a renewal or a look would take. */
const soonMs = 25_000;

describe("wake-ups between nodes", () => {
  let server: PostgresServer;
  let nats: NatsServer;

  before(async () => {
    server = await startPostgres({ shared_preload_libraries: "pg_stat_statements" });
    nats = await startNats({ user: "holdfast", password: "p@ss" });
    server.execute("CREATE EXTENSION pg_stat_statements");
  });
  after(async () => {
    // Without NATS the second line fails: the database must not keep the process alive then.
    await server.stop();
    await nats.stop();
  });

  for (const transport of ["nats", "links", "notify"] as const) {
    test(`over ${transport} alone: joins, alarms of sleeping actors, drains and departures`, async () => {
      const natsUrl = nats.url.replace("p@ss", encodeURIComponent("p@ss"));
      const env = {
        ...{ ...rarely, TEST_WAKEUPS: transport },
        ...(transport === "nats" ? { HOLDFAST_NATS: natsUrl } : {}),
      };
      const store = server.createDatabase();
      const [first, second] = [
        await startNode("first", { store, env }),
        await startNode("second", { store, env }),
      ];
      try {
        await eventually("the transport is up", async () =>
          (await wakeupsOf(second)).join() === transport ? true : undefined,
        );
        // The first node has heard of the second, and gives it a share.
        await eventually("both nodes serve", () => haveShared([first, second]), soonMs);
        const { source, copy } = await copyFor(first, second);
        await eventually(
          "the alarm of an actor that another node has stored",
          async () => ((await alarmDelays(second)) > 0 ? true : undefined),
          soonMs,
        );
        assert.deepEqual(await clientOf(first).alarm.getOrCreate([copy]).fired(), [second.pid]);
        assert.deepEqual(await clientOf(first).alarm.getOrCreate([source]).fired(), [first.pid]);
        await runCli(["cluster", "drain", "second", "--url", first.url]);
        await eventually(
          "the second node hands over",
          async () => ((await fetch(`${second.url}/readyz`)).status === 503 ? true : undefined),
          soonMs,
        );
        await second.stop();
        await eventually(
          "the second node is gone",
          async () => ((await nodesSeenBy(first)) === 1 ? true : undefined),
          soonMs,
        );
      } finally {
        await Promise.all([first.stop(), second.stop()]);
      }
    });
  }

  test("without any transport the nodes look every second", async () => {
    const store = server.createDatabase();
    const env = { TEST_WAKEUPS: "none", TEST_TTL_MS: "3000" };
    const [first, second] = [
      await startNode("first", { store, env }),
      await startNode("second", { store, env }),
    ];
    try {
      assert.deepEqual(await wakeupsOf(second), []);
      await eventually("both nodes serve", () => haveShared([first, second]));
      const { copy } = await copyFor(first, second);
      await eventually("the alarm", async () => ((await alarmDelays(second)) > 0 ? true : undefined));
      assert.deepEqual(await clientOf(first).alarm.getOrCreate([copy]).fired(), [second.pid]);
      await addSleepers(store);
      await checkIdle(server, store, 2, 3_000 * 0.3);
    } finally {
      await Promise.all([first.stop(), second.stop()]);
    }
  });

  describe("through a pooler", () => {
    let pooler: PgBouncer;
    before(async () => {
      pooler = await startPgBouncer(server.port);
    });
    after(() => pooler.stop());

    test("nodes do not listen, unless they know the database behind it", async () => {
      const env = { TEST_WAKEUPS: "notify", TEST_TTL_MS: "30000", HOLDFAST_LOG_LEVEL: "info" };
      const through = await startNode("through", { store: pooler.url, env });
      const beside = await startNode("beside", {
        store: pooler.url,
        env: { ...env, HOLDFAST_STORE_UNPOOLED: server.url },
      });
      try {
        await eventually("the pooler is noticed", () =>
          through.log().includes("a pooler is in front of it") ? true : undefined,
        );
        assert.deepEqual(await wakeupsOf(through), []);
        await eventually("one listens", async () =>
          (await wakeupsOf(beside)).length === 1 ? true : undefined,
        );
      } finally {
        await Promise.all([through.stop(), beside.stop()]);
      }
    });
  });

  test("a node says what is wrong with its NATS options, and starts without NATS unless it is required", async () => {
    const store = server.createDatabase();
    const attempt = (env: Readonly<Record<string, string>>) => startNode("alone", { store, env });
    await assert.rejects(attempt({ HOLDFAST_NATS: "http://127.0.0.1:1" }), /code: .invalid_nats_options/);
    await assert.rejects(
      attempt({ HOLDFAST_NATS: "nats://127.0.0.1:1", TEST_NATS_REQUIRED: "yes" }),
      /code: .nats_unavailable/,
    );
    // A wrong password must not appear anywhere.
    const node = await attempt({ HOLDFAST_NATS: `nats://holdfast:wrong-secret@127.0.0.1:${nats.port}` });
    try {
      assert.match(node.log(), /NATS cannot be reached; the node goes on without it/);
      assert.doesNotMatch(node.log(), /wrong-secret/);
      assert.deepEqual(
        (await wakeupsOf(node)).filter((name) => name === "nats"),
        [],
      );
    } finally {
      await node.stop();
    }
  });
});

/** Transports that are up on this node. */
async function wakeupsOf(node: TestNode): Promise<readonly string[]> {
  const response = await fetch(`${node.url}/cluster`);
  return ((await response.json()) as { readonly wakeups: readonly string[] }).wakeups;
}

/** Number of nodes in the node's last reading of the leases; asking does not make it read them again. */
async function nodesSeenBy(node: TestNode): Promise<number> {
  return metricOf(node, /^holdfast_cluster_nodes\{state="serving"\} (\d+)$/m);
}

/** Number of actors that this node has woken for an alarm. */
async function alarmDelays(node: TestNode): Promise<number> {
  return metricOf(node, /^holdfast_\w*alarm\w*_count(?:\{\})? (\d+)$/m);
}

/**
 * Has the first node copy an actor with an alarm, as an actor that the second one serves: it is stored there without the
 * second node's knowledge.
 */
async function copyFor(
  first: TestNode,
  second: TestNode,
): Promise<{ readonly source: string; readonly copy: string }> {
  const source = await keyOn(first);
  await clientOf(first).alarm.getOrCreate([source]).set(3_000);
  const copy = await keyOn(second);
  await clientOf(first).alarm.destroy([copy]);
  const response = await fetch(`${first.url}/actors/alarm/~${encodeKey([source])}/fork`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ key: [copy] }),
  });
  assert.equal(response.status, 201, await response.text());
  return { source, copy };
}

/** A key whose alarm actor this node serves. */
async function keyOn(node: TestNode): Promise<string> {
  return eventually(`an actor on ${node.name}`, async () => {
    const key = `key-${Math.random()}`;
    return (await clientOf(node).alarm.getOrCreate([key]).process()) === node.pid ? key : undefined;
  });
}

/** Stores actors with a wake-up time far away. */
async function addSleepers(store: string): Promise<void> {
  const client = new pg.Client(store);
  await client.connect();
  await client.query(`INSERT INTO holdfast.actor (shard, id, name, key, key_hash, epoch, version, last_commit, wake_at, created_at)
    SELECT n % 1024, gen_random_uuid()::text, 'alarm', n || ',', sha256('alarm'::bytea || '\\x00' || (n || ',')::bytea),
      1, 1, '', 9000000000000 + n, 1 FROM generate_series(1, 20000) AS n`);
  await client.end();
}

/** Idle nodes renew their sessions and look for due actors, and send nothing else to the database. */
async function checkIdle(
  server: PostgresServer,
  store: string,
  nodes: number,
  renewMs: number,
): Promise<void> {
  // The actors of the test fall asleep first, and their commits end.
  const counted = async (): Promise<readonly { readonly calls: number; readonly query: string }[]> => {
    server.execute("SELECT pg_stat_statements_reset()");
    const started = performance.now();
    await delay(5_000);
    const text = server.execute(
      `SELECT coalesce(json_agg(json_build_object('calls', calls, 'query', query)), '[]') FROM pg_stat_statements s
        JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = '${new URL(store).pathname.slice(1)}'`,
    );
    const rows = JSON.parse(text) as readonly { readonly calls: number; readonly query: string }[];
    const elapsedMs = performance.now() - started;
    for (const { calls, query } of rows) {
      const isRenewal = /UPDATE holdfast\.(node SET expires_at|meta SET value)/.test(query);
      const isLook = /next_at/.test(query);
      if (!isRenewal && !isLook) return rows;
      const atMost = nodes * (elapsedMs / (isLook ? 1_000 : renewMs) + 2);
      assert.ok(calls <= atMost, `${calls} calls in ${elapsedMs} ms: ${query}`);
    }
    return [];
  };
  await eventually(
    "nothing but renewals and looks",
    async () => ((await counted()).length === 0 ? true : undefined),
    60_000,
  );
}
