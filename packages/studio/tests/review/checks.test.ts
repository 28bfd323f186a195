/** Checks in real jails: results by the state of the files, output, limits, and a server that is killed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { commit, environmentFile } from "../environments/support.ts";
import { makeRepository, needsJail, ServerProcess, temporaryFolder } from "../support.ts";
import { codeOf, startReviewed, taskIn, untilCheck } from "./support.ts";

const files = {
  [environmentFile]: `
env: {GREETING: hello}
checks:
  - name: test
    run: |
      echo "$GREETING"
      test "$(cat state.txt)" = good || { echo "src/a.ts:2:5 - error: state is bad"; exit 3; }
  - name: lint
    run: cat x.txt
    afterTurn: true
  - {name: hang, run: "echo started; sleep 987654", timeoutMinutes: 0.03}
`,
  "state.txt": "good\n",
  "src/a.ts": "one\ntwo\n",
};

const ended = ({ state }: { readonly state: string }) => state !== "waiting" && state !== "running";

describe("checks of a task", () => {
  test("run in a jail, after a turn or on demand, and hold for one state of the files", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, files);
    const actions = task.client.task(task.id);
    const lint = await untilCheck(task, "lint", ended);
    assert.equal(lint.state, "passed");
    assert.equal(lint.output.trim(), "x");

    await actions.runChecks(["test"]);
    const passed = await untilCheck(task, "test", ended);
    assert.equal(passed.state, "passed");
    assert.match(passed.output, /hello/);
    assert.equal(passed.tree, (await actions.diff()).tree);

    // A change makes the result stale, and its return makes it hold again.
    task.write("state.txt", "bad\n");
    await actions.diff();
    assert.ok((await untilCheck(task, "test", ({ staleAt }) => staleAt !== undefined)).staleAt !== undefined);
    await actions.runChecks(["test"]);
    const failed = await untilCheck(task, "test", (run) => ended(run) && run.state !== "passed");
    assert.deepEqual([failed.state, failed.reason], ["failed", "exit code 3"]);
    assert.deepEqual(failed.problems, [
      { path: "src/a.ts", line: 2, column: 5, message: "error: state is bad" },
    ]);
    task.write("state.txt", "good\n");
    await actions.diff();
    await untilCheck(task, "test", ({ staleAt }, { runs }) => {
      const [, before] = runs;
      return staleAt !== undefined && before?.state === "passed" && before.staleAt === undefined;
    });

    await actions.sendCheck("test");
    await untilCheck(task, "test", ({ sentAt }) => sentAt !== undefined);
    const { approvals } = await task.watch.status("waiting");
    assert.match(approvals[0]?.detail ?? "", /The check "test" failed[\s\S]*state is bad/);
    assert.equal(await codeOf(actions.runChecks(["test"])), "checks.agent_working");
    assert.equal(await codeOf(actions.sendCheck("lint")), "checks.not_failed");
    assert.equal(await codeOf(actions.runChecks(["unknown"])), "checks.not_found");
  });

  test("are ended when their time is over, and when a person stops them", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, files);
    const actions = task.client.task(task.id);
    await actions.runChecks(["hang"]);
    const late = await untilCheck(task, "hang", ended);
    assert.equal(late.state, "timed-out");
    assert.match(late.output, /started/);
    assert.ok(!isRunning("sleep 987654"));
    await actions.runChecks(["hang", "test"]);
    await untilCheck(task, "hang", ({ output }) => output.includes("started"));
    await actions.stopChecks();
    assert.equal((await untilCheck(task, "hang", ended)).state, "stopped");
    assert.equal((await untilCheck(task, "test", ended)).state, "stopped");
    assert.ok(!isRunning("sleep 987654"));
  });

  test("of a repository that names none, and of a file that cannot be used", async (t) => {
    if (!needsJail(t)) return;
    const none = await startReviewed(t, { a: "a" });
    assert.deepEqual((await none.client.task(none.id).checks()).checks, []);
    assert.equal(await codeOf(none.client.task(none.id).runChecks()), "checks.none");
  });
});

test("kill -9 of the server in the middle of a check: it is interrupted, and runs again", async (t) => {
  if (!needsJail(t)) return;
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  const sleep = "sleep 987655";
  commit(repository, { [environmentFile]: `checks:\n- {name: hang, run: "echo started; ${sleep}"}\n` });
  const data = join(folder, "data");
  const server = await ServerProcess.start(t, data);
  const prompt = 'write "x" to x.txt without asking';
  const task = await taskIn(t, server.client, { repository, data, prompt });
  await server.client.task(task.id).runChecks();
  await untilCheck(task, "hang", ({ output }) => output.includes("started"));
  await server.kill();
  const next = await ServerProcess.start(t, data, server.cookie);
  const run = await untilCheck({ client: next.client, id: task.id }, "hang", ended);
  assert.equal(run.state, "interrupted");
  assert.match(run.output, /started/);
  assert.ok(!isRunning(sleep), "the jail of the killed server is gone");
  await next.client.task(task.id).runChecks();
  await untilCheck({ client: next.client, id: task.id }, "hang", (each) => each.state === "running");
  // An orderly stop ends it too.
  await next.stop();
  assert.ok(!isRunning(sleep));
});

/** True if a process of this command line runs. */
function isRunning(line: string): boolean {
  const script = `for f in /proc/[0-9]*/cmdline; do tr '\\0' ' ' < "$f" 2>/dev/null | grep -qx '${line} ' && echo "$f"; done; true`;
  return (
    execFileSync("/bin/sh", ["-c", script], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }) !== ""
  );
}
