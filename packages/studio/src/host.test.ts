import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { createLogger, type LogRecord, systemPorts } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import type { TaskWork } from "./backend/turns/work.ts";
import { Repositories, type RepositoriesOptions } from "./cluster/repositories.ts";
import type { Git, GitRunOptions } from "./git/git.ts";
import { StudioHost, type StudioHostOptions } from "./host.ts";
import { studioLimits } from "./limits.ts";

const taskId = "00000000-0000-7000-8000-000000000000";

test("a prompt after a stop waits for the clone that the stop left running, and a failed clone is logged", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-studio-"));
  removeAtExit(folder);
  const disk = Promise.withResolvers<void>();
  let clones = 0;
  let maxConcurrent = 0;
  const runs: GitRunOptions[] = [];
  const run = async (args: readonly string[], options: GitRunOptions = {}) => {
    if (args.includes("status")) return Buffer.alloc(0);
    runs.push(options);
    clones += 1;
    maxConcurrent = Math.max(maxConcurrent, clones);
    await disk.promise;
    clones -= 1;
    throw new Error("the disk is gone");
  };
  const git = {
    text: async () => "sha1",
    status: async () => ({
      status: 0,
      stdout: Buffer.from(`false\n${folder}\nsha1\nrefs/heads/main\n`),
      stderr: "",
    }),
    run,
  } as unknown as Git;
  const queue = ["p1", "p2"].map(
    (id): TaskWork => ({
      ...{
        taskId,
        title: "x",
        sessionId: "s",
        taintedAs: "s",
        repository: folder,
        agent: "demo",
        staleApprovals: [],
      },
      prompt: { id, text: "do it", attempt: 1, by: { id: "operator", name: "Operator" } },
    }),
  );
  const failed = Promise.withResolvers<void>();
  const records: LogRecord[] = [];
  const log = createLogger("error", (record) => void records.push(record));
  const host = new StudioHost({
    ports: systemPorts(log),
    mirrors: { close: async () => {} },
    repositories: new Repositories({ git, node: undefined } as RepositoriesOptions),
    ...{ limits: studioLimits, dataDirectory: folder, runDirectory: folder, runTasks: true },
    catalogue: { row: () => ({}) },
    ...{ ownEnvironments: { close: async () => {} }, organizationFiles: { close: async () => {} } },
    meter: { requireBudget: async () => {}, turn: () => {} },
    task: () => ({
      next: async () => queue.shift(),
      report: async ({ type }: { type: string }) => type === "failed" && failed.resolve(),
    }),
    session: () => ({ append: async () => 1, hasRecord: async () => false, size: async () => 0 }),
  } as unknown as StudioHostOptions);
  t.after(() => host.close());
  host.wake(taskId, 1, ["s"]);
  while (clones === 0) await delay(1);
  const [{ timeoutMs, signal } = {}] = runs;
  // Cloning a large repository may take longer than other git commands.
  assert.equal(timeoutMs, studioLimits.cloneTimeoutMs);
  assert.equal(signal?.aborted, false);
  await host.stop(taskId, "s");
  assert.equal(signal?.aborted, true);
  host.wake(taskId, 1, ["s"]);
  // A clone that did not wait for the previous one would start within these turns of the event loop.
  for (let turn = 0; turn < 100; turn++) await nextTurn();
  assert.equal(clones, 1);
  disk.resolve();
  await failed.promise;
  assert.equal(maxConcurrent, 1);
  const failures = records.filter(({ message }) => message === "could not clone a repository");
  // The failure of the stopped clone is not logged.
  assert.equal(failures.length, 1);
  assert.match(String(failures[0]?.fields["error"]), /the disk is gone/);
});
