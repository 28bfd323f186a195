import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { field, type Sandbox, startSandbox, temporary } from "./harness.ts";

const skip = process.platform === "linux" ? false : "directories are watched on Linux only";

interface Event {
  readonly event: string;
  readonly data: unknown;
}

/** Reader of a watch's events. `until` returns the events since its last call. */
async function openWatch(sandbox: Sandbox, query: string) {
  const stop = new AbortController();
  const response = await sandbox.fetch(`${sandbox.url}/v1/fs/watch?${query}`, { signal: stop.signal });
  assert.equal(response.status, 200);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  async function next(): Promise<Event | undefined> {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end !== -1) {
        const frame = text.slice(0, end);
        text = text.slice(end + 2);
        const event = /^event: (.*)$/m.exec(frame)?.[1];
        const data = /^data: (.*)$/m.exec(frame)?.[1];
        if (event !== undefined && data !== undefined) return { event, data: JSON.parse(data) };
        continue;
      }
      const read = await reader?.read();
      if (!read || read.done) return undefined;
      text += read.value;
    }
  }
  /** Reads until all of these events have arrived, in any order. Returns all events. */
  async function until(...wanted: readonly string[]): Promise<string[]> {
    const told: string[] = [];
    const missing = new Set(wanted);
    while (missing.size > 0) {
      const event = await next();
      assert.ok(event, `the stream ended before ${[...missing]}`);
      const path = String(field(event.data, "path")).slice(sandbox.home.length + 1);
      const change = `${field(event.data, "type")} ${path}`;
      told.push(change);
      missing.delete(change);
    }
    return told;
  }
  assert.equal((await next())?.event, "ready");
  return { next, until, stop: () => stop.abort() };
}

test("created, changed and deleted entries are reported, also in new directories", { skip }, async (t) => {
  const sandbox = await startSandbox(t);
  const { home } = sandbox;
  await writeFile(join(home, "was"), "x");
  await mkdir(join(home, "sub"));
  const watch = await openWatch(sandbox, "recursive=true");
  await writeFile(join(home, "was"), "longer");
  await watch.until("changed was");
  await mkdir(join(home, "sub/new/deep"), { recursive: true });
  await writeFile(join(home, "sub/new/deep/two\nlines"), "x");
  await watch.until("created sub/new", "created sub/new/deep", "created sub/new/deep/two\nlines");
  await writeFile(join(home, "sub/new/deep/two\nlines"), "more");
  await watch.until("changed sub/new/deep/two\nlines");
  await rename(join(home, "sub/new"), join(home, "moved"));
  await watch.until("deleted sub/new", "deleted sub/new/deep", "created moved", "created moved/deep");
  await writeFile(join(home, "moved/deep/after"), "x");
  await watch.until("created moved/deep/after");
  await rm(join(home, "moved"), { recursive: true });
  await watch.until("deleted moved/deep/after", "deleted moved");
  await rm(join(home, "was"));
  await mkdir(join(home, "was"));
  await watch.until("deleted was", "created was");
  watch.stop();
});

test("a directory that is removed and immediately created again is still watched", { skip }, async (t) => {
  const sandbox = await startSandbox(t);
  const { home } = sandbox;
  const sub = join(home, "sub");
  await mkdir(sub);
  const watch = await openWatch(sandbox, "recursive=true");
  // Runs before the server can compare again. Many file systems reuse the inode number.
  rmSync(sub, { recursive: true });
  mkdirSync(sub);
  writeFileSync(join(sub, "at once"), "");
  await watch.until("created sub/at once");
  await writeFile(join(sub, "later"), "");
  const told: string[] = [];
  for (const name of ["first", "second"]) {
    await writeFile(join(home, name), "");
    told.push(...(await watch.until(`created ${name}`)));
  }
  assert.ok(told.includes("created sub/later"), String(told));
  watch.stop();
});

test("a watch can be limited to one directory, follows no links and handles many files", {
  skip,
}, async (t) => {
  const sandbox = await startSandbox(t);
  const outside = await temporary(t);
  await mkdir(join(sandbox.home, "sub"));
  await symlink(outside, join(sandbox.home, "link"));
  const watch = await openWatch(sandbox, "path=~");
  await writeFile(join(sandbox.home, "sub/unseen"), "x");
  await writeFile(join(outside, "unseen"), "x");
  const names = Array.from({ length: 3_000 }, (_, index) => `f${index}`);
  for (const name of names) await writeFile(join(sandbox.home, name), "x");
  await writeFile(join(sandbox.home, "last"), "x");
  const told = await watch.until(...names.map((name) => `created ${name}`), "created last");
  assert.ok(told.every((change) => !change.includes("unseen")));
  watch.stop();
});

test("a watch that cannot continue reports the reason", { skip }, async (t) => {
  const sandbox = await startSandbox(t, "unix", { limits: { maxWatchedDirectories: 2 } });
  await mkdir(join(sandbox.home, "a"));
  const watch = await openWatch(sandbox, "recursive=true");
  await mkdir(join(sandbox.home, "b"));
  let last = await watch.next();
  while (last?.event === "change") last = await watch.next();
  assert.deepEqual(last, { event: "failed", data: { reason: "too_many_directories" } });
  assert.equal(await watch.next(), undefined);
  const missing = await sandbox.fetch(`${sandbox.url}/v1/fs/watch?path=none`);
  assert.equal(missing.status, 400);
});

test("removing the directory ends its watch", { skip }, async (t) => {
  const sandbox = await startSandbox(t, "unix", { limits: { heartbeatMs: 50 } });
  await mkdir(join(sandbox.home, "d"));
  const watch = await openWatch(sandbox, "path=d&recursive=true");
  await rm(join(sandbox.home, "d"), { recursive: true });
  assert.deepEqual(await watch.next(), { event: "failed", data: { reason: "gone" } });
});
