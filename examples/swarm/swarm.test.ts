import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createSandboxServer } from "@holdfast/sandbox";
import { setupTest } from "holdfast/test";

const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-swarm-")));
const home = join(directory, "home");
mkdirSync(home);
const server = await createSandboxServer({ listen: { host: "127.0.0.1", port: 0 }, home, cwd: directory });
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true, force: true });
});
process.env["SWARM_SANDBOX_URL"] = server.url ?? "";
process.env["SWARM_SANDBOX_TOKEN"] = server.token ?? "";
process.env["SWARM_DIRECTORY"] = directory;
const { registry } = await import("./actors.ts");

test("each part is done by an agent of its own, also when the coordinator crashes in the middle", async (t) => {
  const { client, crash } = await setupTest(t, registry);
  const parts = ["one", "two", "three", "four"].map((word) => `write "${word}" to ${word}.txt`);
  const job = await client.job.create(["numbers"], { input: { parts } });
  const conn = job.connect();
  await conn.ready;
  await new Promise<void>((resolve) => conn.once("result", () => resolve()));
  await conn.dispose();
  await crash();
  const again = client.job.get(["numbers"]).connect();
  await again.ready;
  const done = new Promise<void>((resolve) => again.once("done", () => resolve()));
  const { isDone } = await again.status();
  if (!isDone) await done;
  const { results } = await again.status();
  assert.deepEqual(results.map(({ part }) => part).sort(), [...parts].sort());
  for (const { text } of results) assert.match(text, /Done\./);
  for (const word of ["one", "two", "three", "four"])
    assert.equal(readFileSync(join(directory, `${word}.txt`), "utf8"), `${word}\n`);
  assert.equal((await client.worker.get(["numbers", "0"]).messages()).at(-1)?.role, "assistant");
});
