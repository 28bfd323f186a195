import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { registryOf } from "./stored-counter.ts";

describe("a registry with a store on PostgreSQL", () => {
  let server: PostgresServer;

  before(async () => {
    server = await startPostgres();
  });
  after(() => server.stop());

  test("finds its actors from another machine, with the URL in the program or the environment", async (t) => {
    const first = registryOf(t, { store: server.url, history: { maxAgeMs: 1000 } });
    assert.equal(await first.client.counter.getOrCreate("a").add(3), 3);
    await first.shutdown();

    // The environment overrides the URL of the program, which leads nowhere here.
    process.env["HOLDFAST_STORE"] = server.url;
    t.after(() => delete process.env["HOLDFAST_STORE"]);
    const second = registryOf(t, { store: "postgres://nobody@127.0.0.1:1/nothing" });
    assert.deepEqual(await second.client.counter.getOrCreate("a").read(), { count: 3, total: 3 });
  });

  test("divides its actors among several databases", async (t) => {
    const urls = [server.createDatabase(), server.createDatabase()];
    const keys = Array.from({ length: 6 }, (_, at) => `divided-${at}`);
    const first = registryOf(t, { store: urls.join(", ") });
    for (const key of keys) assert.equal(await first.client.counter.getOrCreate(key).add(3), 3);
    await first.shutdown();
    const second = registryOf(t, { store: urls.join(",") });
    for (const key of keys) {
      assert.deepEqual(await second.client.counter.getOrCreate(key).read(), { count: 3, total: 3 });
    }
    assert.throws(
      () => registryOf(t, { store: `${urls[0]},mysql://host/database` }),
      (error) => isErrorCode(error, "gateway", "invalid_config"),
    );
    const alone = registryOf(t, { store: urls[0] });
    await assert.rejects(alone.directory(), (error) => isErrorCode(error, "store", "databases_differ"));
  });

  test("refuses any other URL without repeating it", (t) => {
    for (const store of ["mysql://user:secret@host/database", "secret"]) {
      assert.throws(
        () => registryOf(t, { store }),
        (error: Error) => {
          assert.ok(isErrorCode(error, "gateway", "invalid_config"));
          assert.match(
            error.message,
            /^The store of the registry is not a URL of a PostgreSQL or Redis server\./,
          );
          assert.doesNotMatch(error.message, /secret/);
          return true;
        },
      );
    }
  });

  test("takes the bucket for objects from the environment, for this store only", async (t) => {
    t.after(() => delete process.env["HOLDFAST_BLOBS"]);
    process.env["HOLDFAST_BLOBS"] = "s3://a";
    const store = server.createDatabase();
    await assert.rejects(registryOf(t, { store }).directory(), (error) =>
      isErrorCode(error, "store", "invalid_options"),
    );
    process.env["HOLDFAST_BLOBS"] = "s3://bucket?endpoint=http://127.0.0.1:1";
    await assert.rejects(registryOf(t, { store }).directory(), (error) =>
      isErrorCode(error, "store", "bucket_unavailable"),
    );
    assert.throws(
      () => registryOf(t, {}),
      (error: Error) =>
        isErrorCode(error, "gateway", "invalid_config") && /HOLDFAST_BLOBS/.test(error.message),
    );
  });

  test("reports an unreachable server", async (t) => {
    const registry = registryOf(t, { store: "postgres://nobody@127.0.0.1:1/nothing" });
    await assert.rejects(registry.directory(), (error) => isErrorCode(error, "store", "unavailable"));
  });
});
