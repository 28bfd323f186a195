import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { clientOf, eventually, startNode, type TestNode } from "./nodes.ts";
import { startProxy } from "./proxy.ts";

const maxCalls = 32;

describe("a node whose database is slow", () => {
  let server: PostgresServer;
  let proxy: Awaited<ReturnType<typeof startProxy>>;
  let node: TestNode;
  // Its end closes what was opened, also when not all of it could be.
  const opened = new AsyncDisposableStack();

  before(async () => {
    server = await startPostgres();
    opened.defer(() => server.stop());
    proxy = await startProxy(() => server.port);
    opened.defer(() => proxy.close());
    const store = `postgres://holdfast@127.0.0.1:${proxy.port}/postgres`;
    // The session must not expire while its renewal waits for the slow database.
    const env = { TEST_MAX_CALLS: String(maxCalls), TEST_TTL_MS: "60000" };
    node = await startNode("busy", { store, env });
    opened.defer(async () => {
      proxy.delay(0);
      await node.stop();
    });
  });
  after(() => opened.disposeAsync());

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${node.url}/metrics`)).text();
    return Number(new RegExp(`^${name} (.*)$`, "m").exec(text)?.[1] ?? Number.NaN);
  }

  test("queues calls up to its limit, refuses more in words, acknowledges nothing early, and recovers", async () => {
    const text = "x".repeat(40_000);
    const call = async (key: string) => {
      const headers = { "content-type": "application/json", "idempotency-key": randomUUID() };
      const url = `${node.url}/actors/counter/@${encodeKey([key])}/actions/add?create=true`;
      const body = JSON.stringify({ args: [1, text] });
      const response = await fetch(url, { method: "POST", headers, body });
      return { key, response, body: (await response.json()) as { readonly code?: string } };
    };
    await clientOf(node).counter.getOrCreate(["warm"]).add(1);
    const memory = await metric("process_resident_memory_bytes");
    // No turn can be durable before that time has passed.
    const delayMs = 1_000;
    proxy.delay(delayMs);
    const startedAt = performance.now();
    let firstAcknowledgedMs = Number.POSITIVE_INFINITY;
    const calling = Promise.all(
      Array.from({ length: 10 * maxCalls }, async (_, at) => {
        const result = await call(`slow-${at}`);
        if (result.response.status === 200) {
          firstAcknowledgedMs = Math.min(firstAcknowledgedMs, performance.now() - startedAt);
        }
        return result;
      }),
    );
    await eventually("a full node", async () =>
      (await metric("holdfast_calls_in_progress")) === maxCalls ? true : undefined,
    );
    const results = await calling;
    assert.ok(firstAcknowledgedMs >= delayMs, `acknowledged after ${firstAcknowledgedMs} ms`);
    const acknowledged = results.filter(({ response }) => response.status === 200);
    const refused = results.filter(({ response }) => response.status !== 200);
    const outcomes = results.map(({ response, body }) => body.code ?? response.status);
    assert.ok(
      acknowledged.length >= maxCalls && refused.length > 0,
      JSON.stringify(Object.groupBy(outcomes, String), (_, value) =>
        Array.isArray(value) ? value.length : value,
      ),
    );
    for (const { response, body } of refused) {
      assert.equal(response.status, 503);
      assert.equal(response.headers.get("retry-after"), "1");
      assert.equal(body.code, "busy");
    }
    assert.equal(await metric("holdfast_calls_refused_total"), refused.length);
    const grownBytes = (await metric("process_resident_memory_bytes")) - memory;
    assert.ok(grownBytes < 256 * 1_048_576, `${Math.round(grownBytes / 1_048_576)} MiB more`);
    proxy.delay(0);
    // What was refused has not run.
    const counts = await Promise.all(
      results.slice(0, maxCalls).map(async ({ key, response }) => {
        const count = await clientOf(node).counter.getOrCreate([key]).read();
        return [count, response.status === 200 ? 1 : 0];
      }),
    );
    for (const [count, expected] of counts) assert.equal(count, expected);
    assert.equal(await metric("holdfast_calls_in_progress"), 0);
  });

  test("clients try again until they are served", async () => {
    proxy.delay(100);
    const { counter } = clientOf(node);
    const keys = Array.from({ length: 4 * maxCalls }, (_, at) => `retried-${at}`);
    const connections = [0, 1].map((at) => counter.getOrCreate([`connected-${at}`]).connect());
    const [called, ...sent] = await Promise.all([
      Promise.all(keys.map((key) => counter.getOrCreate([key]).add(1))),
      ...connections.map((connection) => Promise.all(keys.map(() => connection.add(1)))),
    ]);
    proxy.delay(0);
    assert.deepEqual(new Set(called), new Set([1]));
    for (const values of sent) {
      assert.deepEqual(
        [...values].sort((a, b) => a - b),
        keys.map((_, at) => at + 1),
      );
    }
    await Promise.all(connections.map((connection) => connection.dispose()));
  });
});
