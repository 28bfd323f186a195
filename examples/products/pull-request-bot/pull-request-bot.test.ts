import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setupTest } from "holdfast/test";
import { LocalForge } from "./local-forge/forge.ts";
import { files, issues } from "./local-forge/sample.ts";
import type { Delivery, Summary } from "./report.ts";

const data = mkdtempSync(join(tmpdir(), "pull-request-bot-"));
const local = await LocalForge.start({ directory: join(data, "forge"), files, issues });
// Read when the actors are loaded.
const settings = {
  ...{ HOLDFAST_DATA: data, FORGE_API_URL: `${local.url}/api/v1`, FORGE_URL: local.url },
  ...{ BOT_REPOSITORIES: "corner/shop", BOT_CONCURRENCY: "1", BOT_JOBS_PER_DAY: "2" },
};
const before = { ...process.env };
Object.assign(process.env, settings);
after(async () => {
  for (const name of Object.keys(settings)) delete process.env[name];
  Object.assign(process.env, before);
  await local.close();
  rmSync(data, { recursive: true, force: true, maxRetries: 3 });
});
const { registry } = await import("./actors.ts");
const { comment, defaultBranch, openPullRequest } = await import("./forge.ts");
const { fetchBase, pushChange } = await import("./repository.ts");

function delivery(id: string, number: number, repository = "corner/shop"): Delivery {
  return { id, repository, number, by: "ada", trigger: "comment", request: "" };
}

// The forge has no issue with such a number: each job fails at once.
test("a repeated webhook is one job, and jobs wait when the day's limit is reached", async (t) => {
  const { client } = await setupTest(t, registry);
  const board = client.board.getOrCreate(["main"]).connect();
  const isOver = (number: number) =>
    new Promise<void>((resolve) =>
      board.on("changed", (job: Summary) => {
        if (job.delivery.number === number && job.status === "failed") resolve();
      }),
    );
  await board.ready;
  const [first, second] = [isOver(11), isOver(12)];
  assert.equal(await board.receive(delivery("a", 11)), "queued");
  assert.equal(await board.receive(delivery("a", 11)), "repeated");
  assert.equal(await board.receive(delivery("b", 12)), "queued");
  assert.equal(await board.receive(delivery("c", 12)), "busy");
  assert.equal(await board.receive(delivery("d", 11, "eve/shop")), "refused");
  await Promise.all([first, second]);
  assert.equal(await board.receive(delivery("e", 13)), "queued");
  const { jobs, usage } = await board.jobs();
  assert.deepEqual(
    jobs.map(({ status }) => status),
    ["queued", "failed", "failed"],
  );
  assert.equal(usage.jobsToday, 2);
  const [waiting, failed] = jobs;
  await board.cancel(waiting?.id ?? "");
  await board.retry(failed?.id ?? "");
  const now = (await board.jobs()).jobs;
  assert.deepEqual(
    now.map(({ status, attempt }) => `${status} ${attempt}`),
    ["cancelled 1", "queued 2", "failed 1"],
  );
  await assert.rejects(board.retry(failed?.id ?? ""), { code: "not_ended" });
});

const patchOf = (path: string) =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+hello\n`;

test("a change that is published twice is one commit, one pull request and one comment", async () => {
  const { commit, bundle } = await fetchBase("corner/shop", await defaultBranch("corner/shop"));
  rmSync(bundle);
  const change = {
    base: commit,
    patch: patchOf("hello.txt"),
    message: "Hello",
    createdAt: 1_700_000_000_000,
  };
  const wanted = { head: "bot/hello", base: "main", title: "Hello", body: "" };
  const commits = new Set<string>();
  for (let times = 0; times < 2; times += 1) {
    commits.add(await pushChange("corner/shop", "bot/hello", change));
    await openPullRequest("corner/shop", wanted);
    await comment("corner/shop", 1, "job 1 end", "Done.");
  }
  assert.equal(commits.size, 1);
  assert.deepEqual([local.pulls.length, local.issues[0]?.comments.length], [1, 1]);
  assert.match(local.pulls[0]?.diff ?? "", /^\+hello$/m);
});

test("an agent cannot change workflows, which run with secrets, nor write outside of the repository", async () => {
  const { commit, bundle } = await fetchBase("corner/shop", "main");
  rmSync(bundle);
  const pushed = async (path: string) =>
    await pushChange("corner/shop", "bot/no", {
      base: commit,
      patch: patchOf(path),
      message: "No",
      createdAt: 1e12,
    });
  await assert.rejects(pushed(".github/workflows/ci.yml"), { name: "CriticalError" });
  for (const path of ["../outside.txt", ".git/hooks/post-update"])
    await assert.rejects(pushed(path), /git apply failed/);
});
