import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { command, makeRepository, needsJail, scratch, start, startServer } from "./support.ts";

test("what waits for a person is listed and answered from another terminal", async (t) => {
  if (!needsJail(t)) return;
  const directory = scratch(t);
  const data = `${directory}/data`;
  await startServer(t, data);
  const none = await command(["approvals", "list", "--data", data]);
  assert.equal(none.stdout, "No approvals are pending.\n");
  const nowhere = await command(["approvals", "list", "--task", "no-such", "--data", data]);
  assert.deepEqual([nowhere.code, /\(task\.not_found\)/.test(nowhere.stderr)], [1, true], nowhere.stderr);
  const repo = makeRepository(directory);
  const run = start(["run", "--repo", repo, "--agent", "demo", "--json", "--data", data, "add a greeting"]);
  const ended = new Promise<number | null>((resolve) => run.once("close", resolve));
  t.after(() => run.kill("SIGKILL"));
  run.stderr?.resume();
  const lines = createInterface({ input: run.stdout ?? process.stdin });
  const asked = new Promise<string>((resolve) => {
    lines.on("line", (line) => {
      const { body } = JSON.parse(line) as { body?: { type: string; approval?: { id: string } } };
      if (body?.type === "approval-requested") resolve(body.approval?.id ?? "");
    });
  });
  const id = await asked;
  const listed = await command(["approvals", "list", "--json", "--data", data]);
  assert.equal((JSON.parse(listed.stdout) as { approval: { id: string } }).approval.id, id);
  const unknown = await command(["approvals", "allow", "no-such", "--data", data]);
  assert.deepEqual([unknown.code, /approval\.not_found/.test(unknown.stderr)], [1, true]);
  const unseen = await command(["approvals", "allow", "--all", "--data", data]);
  assert.deepEqual([unseen.code, /not --all/.test(unseen.stderr)], [2, true]);
  const agents = await command(["approvals", "allow", id, "--for-task", "--data", data]);
  assert.deepEqual([agents.code, /approval\.not_found/.test(agents.stderr)], [1, true]);
  const denied = await command(["approvals", "deny", id, "--for-task", "--data", data]);
  assert.deepEqual([denied.code, /--for-task is only for allow/.test(denied.stderr)], [2, true]);
  const two = await command(["approvals", "allow", id, "no-such", "--data", data]);
  assert.deepEqual([two.code, two.stdout], [1, `Allowed once: ${id}\n`]);
  assert.match(two.stderr, /^Not answered: no-such: .*\(approval\.not_found\)\n$/);
  const rest = await command(["approvals", "deny", "--all", "--json", "--data", data]);
  assert.deepEqual([rest.code, rest.stdout], [0, ""]);
  assert.equal(await ended, 0);
});
