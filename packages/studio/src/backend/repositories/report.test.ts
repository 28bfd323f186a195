import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import { applyRepositoryPatch, type ConnectionsContext } from "./connections.ts";
import type { RepositoryPatch, RepositorySummary } from "./contract.ts";
import { type OrganizationContext, reportSummary } from "./report.ts";
import { type RowDatabase, repositorySchema } from "./rows.ts";
import { newRepositoryState, summaryOf } from "./state.ts";

const id = "0190f0e0-0000-7000-8000-000000000001";

function database(t: TestContext, schema = ""): RowDatabase {
  const sqlite = new DatabaseSync(":memory:");
  t.after(() => sqlite.close());
  sqlite.exec(schema);
  const db: RowDatabase = {
    execute: async (sql, ...values) => sqlite.prepare(sql).all(...values),
    transaction: async (run) => await run(db),
  };
  return db;
}

/** An organization with the row of one repository, and that repository; `lose` makes the next answer get lost. */
function connected(t: TestContext) {
  const organization = { db: database(t), broadcast: () => {} } as unknown as ConnectionsContext;
  const state = newRepositoryState({ id, organization: "local", source: { kind: "folder", path: "/one" } });
  let isLost = false;
  const action = async ({ args }: { readonly args: readonly unknown[] }) => {
    const answer = await applyRepositoryPatch(organization, args[0] as RepositoryPatch);
    if (!isLost) return answer;
    isLost = false;
    throw new Error("the answer was lost");
  };
  const context = {
    ...{ state, vars: { reportTail: Promise.resolve() }, db: database(t, repositorySchema) },
    ...{ log: { warn() {}, error() {} }, broadcast: () => {} },
    client: () => ({ get: () => ({ action }) }),
  } as unknown as OrganizationContext;
  const row = async (): Promise<{ readonly summary: RepositorySummary; readonly revision: number }> => {
    const [found] = await organization.db.execute("SELECT row FROM repository");
    return JSON.parse(String(found?.["row"]));
  };
  const connect = async () => {
    const summary = summaryOf(state, { branches: 0, pullRequests: 0, openPullRequests: 0 });
    await organization.db.execute(
      "CREATE TABLE repository (id TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID",
    );
    const values = [id, JSON.stringify({ summary, revision: 0 })];
    await organization.db.execute("INSERT INTO repository VALUES (?, ?)", ...values);
  };
  return { state, row, connect, report: () => reportSummary(context), lose: () => (isLost = true) };
}

test("what changes after a report whose confirmation was lost reaches the organization", async (t) => {
  const { state, row, connect, report, lose } = connected(t);
  await connect();
  await report();
  state.syncedAt = 1;
  lose();
  await report();
  state.syncedAt = 2;
  await report();
  assert.equal((await row()).summary.syncedAt, 2);
  state.status = "synced";
  await report();
  assert.equal((await row()).summary.status, "synced");
  assert.equal((await row()).revision, state.revision);
});

test("a repository that has lost its own revisions sends all of its summary", async (t) => {
  const { state, row, connect, report } = connected(t);
  await connect();
  for (const at of [1, 2, 3]) {
    state.syncedAt = at;
    await report();
  }
  Object.assign(state, { revision: 1, reported: null, syncedAt: 4 });
  await report();
  assert.deepEqual([(await row()).summary.syncedAt, (await row()).revision], [4, state.revision]);
});
