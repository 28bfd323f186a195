import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { systemPorts } from "@holdfast/core";
import { createRegistry } from "@holdfast/server";
import { openSqliteStore } from "@holdfast/store-sqlite";
import type { InboxEntry } from "../../src/contract.ts";
import { temporaryFolder } from "../support.ts";
import { Inboxes, inboxActors } from "./inbox-support.ts";

/** Runs a process until it has printed `count` lines, and kills it. Returns what it printed. */
async function killAfter(count: number, ...args: readonly string[]): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, "process.ts"), ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exit = once(child, "exit");
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    lines.push(line);
    if (lines.length === count) child.kill("SIGKILL");
  }
  assert.deepEqual(await exit, [null, "SIGKILL"]);
  return lines;
}

test("kill -9 between a task and the inbox loses no entry and doubles none", async (t) => {
  const path = join(temporaryFolder(t), "actors");
  const acknowledged: string[] = [];
  for (const [round, count] of [5, 23, 60].entries())
    acknowledged.push(...(await killAfter(count, path, String(round))));
  const ports = systemPorts();
  const { actors, valueTokens } = inboxActors({ person: "ada", now: () => Date.now() });
  const registry = createRegistry({ use: actors, ports, store: () => openSqliteStore({ path, ports }) });
  t.after(() => registry.shutdown());
  const inboxes = new Inboxes(registry.client, valueTokens);

  const asked: string[] = [];
  for (const id of ["a", "b", "c"].flatMap((name) => [0, 1, 2].map((round) => `${name}${round}`)))
    for (const { id: approval } of (await inboxes.task(id).get()).approvals)
      asked.push(`${id}.approval.${approval}`);
  for (const id of acknowledged) assert.ok(asked.includes(id), `${id} was acknowledged`);

  // The rest of the messages is on its way: each is one revision.
  const inbox = registry.client.inbox.getOrCreate(["ada"]);
  const connection = inbox.connect();
  const complete = Promise.withResolvers<void>();
  const check = (revision: number) => revision >= asked.length && complete.resolve();
  connection.on("changed", ({ revision }) => check(revision));
  await connection.ready;
  check((await inbox.list()).revision);
  await complete.promise;
  await connection.dispose();

  const entries: InboxEntry[] = [];
  let cursor: string | undefined;
  do {
    const page = await inboxes.inbox("ada").list({ limit: 100, ...(cursor === undefined ? {} : { cursor }) });
    entries.push(...page.entries);
    cursor = page.cursor;
    assert.equal(page.revision, asked.length);
  } while (cursor !== undefined);
  assert.deepEqual(entries.map(({ id }) => id).toSorted(), asked.toSorted());
  const { total, revision } = await inboxes.attention.approvals();
  assert.deepEqual([total, revision], [asked.length, asked.length]);
});
