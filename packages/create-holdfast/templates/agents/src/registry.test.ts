import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setupTest } from "holdfast/test";

const data = mkdtempSync(join(tmpdir(), "agents-test-"));
process.env["HOLDFAST_DATA"] = data;
const { registry } = await import("./registry.ts");
after(() => rmSync(data, { recursive: true, force: true, maxRetries: 3 }));

test("an agent does a job on a computer of its own", async (t) => {
  const { client } = await setupTest(t, registry);
  const project = client.project.getOrCreate("shop");
  await project.work('Without asking, write "buy bread" to notes.txt');
  const [job] = await project.jobs();
  assert.equal(job?.status, "done");
  const { stdout } = await client.computer.getOrCreate("shop").exec("cat notes.txt");
  assert.equal(stdout.trim(), "buy bread");
});
