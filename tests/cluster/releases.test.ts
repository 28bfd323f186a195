/** Nodes of two releases side by side: the second one migrates the state of an actor. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { clientOf, eventually, startNode, type TestNode } from "./nodes.ts";

const env = { TEST_TTL_MS: "2000" };

describe("nodes of two releases", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test("actors move to the new release, and no old node wakes one that it has migrated", async (t) => {
    const store = server.createDatabase();
    const start = async (name: string, release: "1" | "2"): Promise<TestNode> => {
      const node = await startNode(name, { store, env: { ...env, TEST_RELEASE: release } });
      t.after(() => node.stop());
      return node;
    };
    const old = await start("old", "1");
    const older = await start("older", "1");
    const at = (node: TestNode, key: string) => clientOf(node).notebook.getOrCreate([key]);
    const keys = Array.from({ length: 8 }, (_, index) => `k${index}`);
    for (const key of keys) assert.deepEqual(await at(old, key).add("one"), ["one"]);

    const next = await start("next", "2");
    for (const key of keys) {
      await eventually(`${key} runs in the new release`, async () =>
        (await at(older, key).process()) === next.pid ? true : undefined,
      );
    }
    for (const key of keys) assert.deepEqual(await at(old, key).add("two"), ["one", "two"]);
    const fresh = "not yet created";

    next.kill("SIGKILL");
    for (const key of keys) {
      await assert.rejects(
        at(old, key).add("three"),
        /has version 1; this definition supports versions up to 0/,
      );
    }
    assert.deepEqual(await at(old, fresh).add("one"), ["one"]);

    const again = await start("again", "2");
    for (const key of keys) {
      const lines = await eventually(`${key} is back`, () =>
        at(old, key)
          .add("three")
          .catch(() => undefined),
      );
      assert.deepEqual(lines, ["one", "two", "three"]);
      assert.equal(await at(older, key).process(), again.pid);
    }
  });
});
