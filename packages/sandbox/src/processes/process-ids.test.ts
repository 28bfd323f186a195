import assert from "node:assert/strict";
import { mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { silentLogger } from "@holdfast/core";
import { removeAtExit } from "@holdfast/testing/scratch";
import { ProcessIds } from "./process-ids.ts";

async function scratch(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "holdfast-process-ids-"));
  removeAtExit(directory);
  return directory;
}

async function takeIds(ids: ProcessIds, count: number): Promise<string[]> {
  return await Promise.all(Array.from({ length: count }, () => ids.next()));
}

describe("process ids", () => {
  test("continue without a gap after a close, which leaves no other file", async () => {
    const directory = await scratch();
    const path = join(directory, "process-ids.json");
    const first = new ProcessIds(path, silentLogger);
    assert.deepEqual(await takeIds(first, 3), ["proc_1", "proc_2", "proc_3"]);
    await first.close();
    const second = new ProcessIds(path, silentLogger);
    second.skipTo(7);
    assert.deepEqual(await takeIds(second, 2), ["proc_8", "proc_9"]);
    assert.deepEqual(await readdir(directory), ["process-ids.json"]);
  });

  test("are not reused after a server was killed", async () => {
    const path = join(await scratch(), "process-ids.json");
    const first = await takeIds(new ProcessIds(path, silentLogger), 150);
    const second = await takeIds(new ProcessIds(path, silentLogger), 150);
    assert.equal(new Set([...first, ...second]).size, 300);
  });

  test("start at 1 without a data directory or with an unreadable file", async () => {
    assert.equal(await new ProcessIds(undefined, silentLogger).next(), "proc_1");
    const path = join(await scratch(), "process-ids.json");
    await writeFile(path, '{"version":2}');
    assert.equal(await new ProcessIds(path, silentLogger).next(), "proc_1");
  });
});
