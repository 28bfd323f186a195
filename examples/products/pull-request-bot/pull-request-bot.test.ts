import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setupTest } from "holdfast/test";
import type { Delivery, Summary } from "./report.ts";

// A forge that has nothing: each job fails at once.
const forge = createServer((_request, response) => response.writeHead(404).end());
await once(forge.listen(0, "127.0.0.1"), "listening");
const data = mkdtempSync(join(tmpdir(), "pull-request-bot-"));
// Read when the actors are loaded.
const settings = {
  ...{ HOLDFAST_DATA: data, FORGE_API_URL: `http://127.0.0.1:${(forge.address() as AddressInfo).port}` },
  ...{ BOT_REPOSITORIES: "corner/shop", BOT_CONCURRENCY: "1", BOT_JOBS_PER_DAY: "2" },
};
const before = { ...process.env };
Object.assign(process.env, settings);
after(() => {
  for (const name of Object.keys(settings)) delete process.env[name];
  Object.assign(process.env, before);
  forge.close();
  rmSync(data, { recursive: true, force: true, maxRetries: 3 });
});
const { registry } = await import("./actors.ts");

function delivery(id: string, number: number, repository = "corner/shop"): Delivery {
  return { id, repository, number, by: "ada", trigger: "comment", request: "" };
}

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
  const [first, second] = [isOver(1), isOver(2)];
  assert.equal(await board.receive(delivery("a", 1)), "queued");
  assert.equal(await board.receive(delivery("a", 1)), "repeated");
  assert.equal(await board.receive(delivery("b", 2)), "queued");
  assert.equal(await board.receive(delivery("c", 2)), "busy");
  assert.equal(await board.receive(delivery("d", 1, "eve/shop")), "refused");
  await Promise.all([first, second]);
  assert.equal(await board.receive(delivery("e", 3)), "queued");
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
