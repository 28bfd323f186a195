import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { eventually, startNode, type TestNode } from "./nodes.ts";
import type { ServerlessRegistry } from "./serverless-actors.ts";
import { Platform } from "./serverless-platform.ts";

const ttlMs = 2_000;

describe("a serverless process that its platform freezes", () => {
  let server: PostgresServer;
  let platform: Platform;
  let url: string;
  let hub: TestNode;

  before(async () => {
    server = await startPostgres();
    const env = { HOLDFAST_STORE: server.url, TEST_TTL_MS: String(ttlMs) };
    platform = new Platform({ ...env, TEST_IDLE_MS: "60000" });
    url = await platform.listen();
    hub = await startNode("hub", {
      store: server.url,
      env: { HOLDFAST_SERVERLESS_POOLS: url, TEST_TTL_MS: String(ttlMs), TEST_POLL_MS: "500" },
    });
  });
  after(async () => {
    await hub?.stop();
    await platform.close();
    await server.stop();
  });

  const visitsAt = (at: string, key: string) =>
    createClient<ServerlessRegistry>(at).visits.getOrCreate([key]);

  /** Serverless nodes with a session. The row of one that holds nothing may stay when that has expired. */
  async function members(): Promise<number> {
    const response = await fetch(`${hub.url}/cluster`);
    const { nodes } = (await response.json()) as {
      readonly nodes: readonly { readonly id: string; readonly expiresInMs: number }[];
    };
    return nodes.filter(({ id, expiresInMs }) => id !== "hub" && expiresInMs > 0).length;
  }

  const lost = (): Promise<true> =>
    eventually("its session has expired", async () => ((await members()) === 0 ? true : undefined));

  test("between requests: it answers the next one when its session has expired meanwhile", async () => {
    const counter = createClient<ClusterRegistry>(url).counter.getOrCreate(["of the hub"]);
    assert.equal(await counter.process(), hub.pid);
    for (let round = 0; round < 2; round++) {
      await platform.freeze();
      await lost();
      const answer = counter.process();
      await platform.thaw();
      assert.equal(await answer, hub.pid);
      assert.equal(await members(), 1);
    }
  });

  test("with actors: they go on elsewhere, and it gives up what it had before it answers", async () => {
    assert.equal(await visitsAt(hub.url, "frozen").add(1), 1);
    const first = await visitsAt(hub.url, "frozen").process();
    assert.equal(await platform.freeze(), first);
    const frozen = await platform.replace();
    try {
      assert.equal(await visitsAt(hub.url, "frozen").add(1), 2);
      assert.notEqual(await visitsAt(hub.url, "frozen").process(), first);
      // It thaws with the request: what it has in memory is old.
      const answer = visitsAt(frozen.url, "frozen").add(1);
      frozen.process.kill("SIGCONT");
      assert.equal(await answer, 3);
      assert.equal(await visitsAt(hub.url, "frozen").add(1), 4);
    } finally {
      const exited = once(frozen.process, "exit");
      frozen.process.kill("SIGKILL");
      await exited;
    }
  });

  test("in the middle of a call: it is answered once, by the next process", async () => {
    const visits = visitsAt(hub.url, "called");
    assert.equal(await visits.add(1), 1);
    const slow = visits.slowly(600);
    await new Promise((resolve) => setTimeout(resolve, 200));
    await platform.freeze();
    const frozen = await platform.replace();
    try {
      assert.equal(await slow, 2);
      frozen.process.kill("SIGCONT");
      assert.equal(await visitsAt(frozen.url, "called").add(1), 3);
      assert.equal(await visits.add(1), 4);
    } finally {
      const exited = once(frozen.process, "exit");
      frozen.process.kill("SIGKILL");
      await exited;
    }
  });
});
