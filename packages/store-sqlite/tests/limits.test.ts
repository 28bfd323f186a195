import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sqliteStoreLimits } from "@holdfast/store-sqlite";
import { code, create, heldSync, next, openStore } from "./support.ts";

describe("limits", () => {
  test("commits up to the limit wait, and one more is refused without harm", async (t) => {
    const { maxWaitingCommits } = sqliteStoreLimits;
    const held = heldSync();
    const store = await openStore(t, { syncFile: held.syncFile });
    const commits = [store.commit(create("a"))];
    for (let version = 2; version <= maxWaitingCommits; version += 1)
      commits.push(store.commit(next("a", version)));
    await assert.rejects(store.commit(next("a", maxWaitingCommits + 1)), code("store", "unavailable"));
    const database = () => store.databases.open("actor-0001", 1, true);
    await assert.rejects(database(), code("store", "unavailable"));
    held.letGo();
    await Promise.all(commits);
    (await database()).close();
    await Promise.all([store.commit(next("a", maxWaitingCommits + 1)), store.commit(create("b"))]);
    assert.equal((await store.get("a"))?.version, maxWaitingCommits + 1);
  });

  test("a page contains at most the limit of actors, and a cursor to the rest", async (t) => {
    const { maxPageSize } = sqliteStoreLimits;
    const store = await openStore(t);
    const ids = Array.from({ length: maxPageSize + 1 }, (_, index) => `actor-${`${index}`.padStart(5, "0")}`);
    await Promise.all(ids.map((id) => store.commit(create(id, { wakeAt: 1 }))));
    const page = await store.list({ limit: maxPageSize + 1 });
    assert.equal(page.actors.length, maxPageSize);
    assert.equal(page.cursor, ids[maxPageSize - 1]);
    const rest = await store.list({ limit: maxPageSize, cursor: page.cursor ?? "" });
    assert.deepEqual(
      rest.actors.map((record) => record.id),
      ids.slice(maxPageSize),
    );
    assert.equal((await store.due(1, maxPageSize + 1)).actors.length, maxPageSize);
    assert.equal((await store.list({ limit: maxPageSize - 1 })).actors.length, maxPageSize - 1);
  });
});
