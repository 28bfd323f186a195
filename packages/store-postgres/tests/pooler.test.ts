import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { startPgBouncer } from "@holdfast/testing/postgres";
import {
  bytes,
  create,
  newSchema,
  next,
  type OpenOptions,
  openStore,
  patch,
  sharedServer,
  snapshot,
} from "./support.ts";

const server = await sharedServer();
/** Fewer connections than the stores open, so that transactions of several share one. */
const pooler = await startPgBouncer(server.port, { poolSize: 2 });
after(() => pooler.stop());

for (const preparedStatements of [undefined, false]) {
  const how = preparedStatements === false ? "without prepared statements" : "by itself";
  test(`two nodes share the connections of a pooler in transaction mode, ${how}`, async (t) => {
    const messages: string[] = [];
    const { log, ...ports } = systemPorts();
    const noted = { ...log, info: (message: string) => messages.push(message) };
    const options: OpenOptions = {
      ...{ url: pooler.url, schema: newSchema(), ports: { ...ports, log: noted } },
      ...(preparedStatements === undefined ? {} : { preparedStatements }),
    };
    const stores = [await openStore(t, options), await openStore(t, options)];
    const actors = Array.from({ length: 40 }, (_, at) => ({ id: randomUUID(), store: stores[at % 2] }));
    await Promise.all(
      actors.map(async ({ id, store }) => {
        const turns = Array.from({ length: 20 }, (_, at) =>
          next(id, at + 2, {
            ...patch(`${at + 2}`),
            kv: [{ type: "put", key: bytes("k"), value: bytes(`${at}`) }],
          }),
        );
        await store?.commit(create(id, snapshot("s")));
        await Promise.all(turns.map((turn) => store?.commit(turn)));
        assert.deepEqual(await store?.kvGet(id, bytes("k")), bytes("19"));
      }),
    );
    for (const { id } of actors) {
      const loaded = await stores[0]?.acquire(id);
      assert.equal(loaded?.record.version, 21);
      assert.equal(loaded?.state?.patches.length, 20);
    }
    const switched = messages.filter((message) => message.startsWith("prepared statements switched off"));
    if (preparedStatements === false) assert.deepEqual(switched, []);
  });
}

test("behind a pooler, a store that is closed sends first what waits for its turn", async (t) => {
  const store = await openStore(t, { url: pooler.url, schema: newSchema() });
  const ids = Array.from({ length: 30 }, () => randomUUID());
  const commits = ids.map((id) => store.commit(create(id, snapshot("s"))));
  await store.kvGet(ids[0] ?? "", bytes("k"));
  await store.close();
  const results = await Promise.allSettled(commits);
  assert.ok(
    results.every(({ status }) => status === "fulfilled"),
    JSON.stringify(results),
  );
});
