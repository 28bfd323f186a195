/** What other terminals may do while a command works without a server. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { command, makeRepository, needsJail, scratch, start } from "./support.ts";

test("they see what holdfast run works on and answer what it asks, and begin no work that it would break off", async (t) => {
  if (!needsJail(t)) return;
  const directory = scratch(t);
  const data = ["--data", join(directory, "data")];
  const run = ["run", "--repo", makeRepository(directory), ...data, "add a line to the README"];
  const child = start(run);
  t.after(() => child.kill("SIGKILL"));
  const ended = once(child, "close");
  const asked = Promise.withResolvers<void>();
  let stdout = "";
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
    if (stderr.includes("y or n: ")) asked.resolve();
  });
  const early = ended.then(() => assert.fail(`It ended before it asked: ${stderr}`));
  early.catch(() => {});
  await Promise.race([asked.promise, early]);

  const list = await command(["approvals", "list", "--json", ...data]);
  assert.equal(list.code, 0, list.stderr);
  const { taskId, approval } = JSON.parse(list.stdout) as { taskId: string; approval: { id: string } };
  const tasks = await command(["tasks", "list", "--json", ...data]);
  const task = JSON.parse(tasks.stdout) as { id: string; status: string };
  assert.deepEqual([task.id, task.status], [taskId, "waiting"]);
  const second = await command(run);
  assert.equal(second.code, 1, second.stdout);
  assert.match(second.stderr, new RegExp(`process ${child.pid}\\b.*\\(store\\.locked\\)`));
  const allowed = await command(["approvals", "allow", approval.id, ...data]);
  assert.equal(allowed.code, 0, allowed.stderr);
  const [code] = (await ended) as [number | null];
  assert.equal(code, 0, stderr);
  assert.match(stderr, /answered elsewhere/);
  assert.match(stdout, /modified README\.md/);
});
