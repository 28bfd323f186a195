import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createLogger, isErrorCode, type LogRecord } from "@holdfast/core";
import { sharedRedis } from "@holdfast/testing/redis";
import { registryOf } from "./stored-counter.ts";

describe("a registry with a store on Redis", () => {
  test("finds its actors from another machine, with the URL in the program or the environment", async (t) => {
    const url = (await sharedRedis()).url();
    const first = registryOf(t, { store: url });
    assert.equal(await first.client.counter.getOrCreate("a").add(3), 3);
    await first.shutdown();

    // The environment overrides the URL of the program, which leads nowhere here.
    process.env["HOLDFAST_STORE"] = url.replace("redis:", "valkey:");
    t.after(() => delete process.env["HOLDFAST_STORE"]);
    const second = registryOf(t, { store: "redis://127.0.0.1:1" });
    assert.deepEqual(await second.client.counter.getOrCreate("a").read(), { count: 3, total: 3 });
  });

  test("serves its actors on two nodes, and goes on when one has left", async (t) => {
    const store = (await sharedRedis()).url();
    const node = (name: string) => {
      const cluster = { advertise: "http://127.0.0.1:0", secret: "of the nodes of one test", node: name };
      return registryOf(t, { store, cluster });
    };
    const [one, two] = [node("one"), node("two")];
    for (const each of [one, two]) await (await each.directory()).cluster?.status();
    const keys = Array.from({ length: 8 }, (_, at) => `shared-${at}`);
    for (const key of keys) assert.equal(await one.client.counter.getOrCreate(key).add(1), 1);
    for (const key of keys) assert.equal(await two.client.counter.getOrCreate(key).add(1), 2);
    await one.shutdown();
    for (const key of keys) {
      assert.deepEqual(await two.client.counter.getOrCreate(key).read(), { count: 2, total: 2 });
    }
  });

  test("reports an unreachable server without its password", async (t) => {
    const records: LogRecord[] = [];
    const baseLogger = createLogger("debug", (record) => void records.push(record));
    const registry = registryOf(t, { store: "redis://:secret@127.0.0.1:1", logging: { baseLogger } });
    await assert.rejects(registry.directory(), (error: Error) => {
      assert.ok(isErrorCode(error, "store", "unavailable"));
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
    assert.doesNotMatch(JSON.stringify(records), /secret/);
  });
});
