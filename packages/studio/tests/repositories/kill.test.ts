/** Syncs of a Studio in a process of its own: killed in the middle, and with 10,000 pull requests. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ServerProcess, temporaryFolder, withoutTasks } from "../support.ts";
import { author, githubApp, Summaries, storeSecrets } from "./support.ts";

/** Most memory that the process has had, in bytes; undefined where the kernel does not say. */
function peakMemory(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

async function countActors({ url, cookie }: ServerProcess): Promise<number> {
  const response = await fetch(`${url}/actors/count`, { headers: { cookie } });
  assert.equal(response.status, 200);
  return ((await response.json()) as { count: number }).count;
}

async function startServer(t: TestContext) {
  const forge = await githubApp(t);
  const dataDirectory = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, dataDirectory, undefined, withoutTasks);
  await storeSecrets(dataDirectory, forge);
  return { ...forge, server, dataDirectory };
}

test("a server that is killed in the middle of a sync goes on at its page", async (t) => {
  const { emulator, repository, source, server, dataDirectory } = await startServer(t);
  await repository.fill(900, author);
  const isPull = (line: string) => /\/pulls\?.*&page=\d+ 200$/.test(line);
  // The fifth page of pull requests is not answered before the kill.
  const reached = Promise.withResolvers<void>();
  const fifth = { at: /\/pulls\?.*&page=5$/, kind: "disconnect" } as const;
  emulator.faults.push({ at: /\/pulls\?.*&page=4$/, kind: "call", call: reached.resolve });
  emulator.faults.push(...Array.from({ length: 20 }, () => fifth));
  await server.client.organization.connectRepository(source);
  await reached.promise;
  await server.kill();
  const before = emulator.requests.filter(isPull).length;
  assert.ok(before === 3 || before === 4, `${before} pages were read before the kill`);
  emulator.faults.length = 0;

  const next = await ServerProcess.start(t, dataDirectory, server.cookie, withoutTasks);
  const summaries = await Summaries.watch(t, next.client);
  const synced = await summaries.until(({ status }) => status === "synced");
  assert.deepEqual([synced.pullRequests, synced.branches], [900, 901]);
  const pages = emulator.requests.filter(isPull).map((line) => Number(/page=(\d+) /.exec(line)?.[1]));
  // What was answered but not kept may be read again: at most the last page or two, never the first.
  assert.deepEqual([...new Set(pages)], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.ok(pages.length <= 11, `pages were read again: ${pages.join(" ")}`);
  await next.stop();
});

test("10,000 pull requests are copied within 60 s and 300 MB, and none of them is an actor", async (t) => {
  const { repository, source, server, emulator } = await startServer(t);
  await repository.fill(10_000, author);
  const actorsBefore = await countActors(server);
  const memoryBefore = peakMemory(server.pid);
  const summaries = await Summaries.watch(t, server.client);
  const startedAt = performance.now();
  const { id } = await server.client.organization.connectRepository(source);
  // What people do is not behind the sync.
  await server.client.organization.listTasks();
  const synced = await summaries.until(({ status }) => status === "synced");
  const seconds = (performance.now() - startedAt) / 1000;
  assert.deepEqual([synced.pullRequests, synced.openPullRequests, synced.branches], [10_000, 10_000, 10_001]);
  assert.equal(await countActors(server), actorsBefore + 1);
  const peak = peakMemory(server.pid);
  if (peak !== undefined) assert.ok(peak < 300 * 1024 * 1024, `${peak} bytes`);
  assert.ok(seconds < 60, `${seconds} s`);
  t.diagnostic(`${seconds.toFixed(1)} s, ${memoryBefore} to ${peak} bytes, ${summaries.seen.length} reports`);

  const { length } = emulator.requests;
  await server.client.repository(id).sync();
  await summaries.until(({ syncedAt }) => syncedAt !== synced.syncedAt);
  // The fetch beside it asks for a token and for the address of git, and new comments are read after it.
  const ofFetch = /\/access_tokens 201$|\/repos\/team\/app 200$|\/comments\?sort=updated/;
  const again = emulator.requests.slice(length).filter((line) => !ofFetch.test(line));
  assert.ok(again.length >= 200);
  assert.ok(
    again.every((line) => line.endsWith(" 304")),
    again.join("\n"),
  );
  await server.stop();
});
