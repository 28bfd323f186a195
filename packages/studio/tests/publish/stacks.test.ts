/** Tasks on top of others: moved with the branch below them, with each forge and real git. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { HostedPullRequest } from "@holdfast/testing/forges";
import type { TaskView } from "../../src/index.ts";
import { forges } from "../repositories/support.ts";
import { needsJail, Watch } from "../support.ts";
import { failure, type Published, startPublishing } from "./support.ts";

/** Starts a task on top of another one, whose agent writes a file. */
async function startOn(
  t: TestContext,
  { client }: Published,
  parent: string,
  prompt: string,
): Promise<{ readonly id: string; readonly watch: Watch }> {
  const input = { repository: "", agent: "demo", prompt, onTask: parent };
  const { id } = await client.organization.createTask(input);
  const watch = await Watch.open(client, id);
  t.after(() => watch.close());
  assert.equal((await watch.status("idle", "failed")).status, "idle");
  return { id, watch };
}

function pullOf({ forge }: Published, head: string): HostedPullRequest {
  const found = [...forge.repository.pullRequests.values()].find((pull) => pull.head === head);
  assert.ok(found !== undefined, `no pull request of ${head}`);
  return found;
}

/** True when the task is on the newest commit of its base. */
const isMoved = ({ stack }: TaskView) => stack !== undefined && stack.onto === undefined;

for (const [name, connect] of Object.entries(forges)) {
  test(`${name}: a task on top of another moves with its branch, and to the branch that was merged into`, async (t) => {
    if (!needsJail(t)) return;
    const parent = await startPublishing(t, connect);
    const { client, forge } = parent;
    const { bare } = forge.repository;
    const input = { repository: "", agent: "demo", prompt: "x", onTask: parent.id };
    assert.equal((await failure(client.organization.createTask(input))).name, "stack.not_published");
    await client.task(parent.id).publish();
    const { headBranch: below = "" } = (await client.task(parent.id).publication()).pullRequest ?? {};

    const child = await startOn(t, parent, parent.id, 'write "two" to two.txt without asking');
    const view = await client.task(child.id).get();
    assert.deepEqual([view.base.branch, view.stack?.parent?.taskId], [below, parent.id]);
    await client.task(child.id).publish();
    const { headBranch: above = "" } = (await client.task(child.id).publication()).pullRequest ?? {};
    assert.deepEqual([pullOf(parent, above).base, view.on?.taskId], [below, parent.id]);
    await parent.watch.until(({ stack }) => stack?.children[0]?.taskId === child.id, "a child", 40_000);

    // The task below changes: the one above follows with one commit on the new one.
    await client.task(parent.id).prompt('write "more" to more.txt without asking');
    await parent.watch.status("running");
    await parent.watch.status("idle");
    await client.task(parent.id).publish();
    const newest = pullOf(parent, below).headCommit;
    await child.watch.until((task) => isMoved(task) && task.base.commit === newest, "the move", 40_000);
    const moved = pullOf(parent, above).headCommit;
    assert.equal(await bare.git(["rev-parse", `${moved}^`]), newest);
    assert.equal(await bare.git(["diff", "--name-only", newest, moved]), "two.txt");
    assert.deepEqual(
      (await client.task(child.id).diff()).files.map(({ path }) => path),
      ["two.txt"],
    );

    // And to main, once that is merged there as one commit.
    await client.task(parent.id).mergePullRequest({ method: "squash" });
    await child.watch.until(
      (task) => task.base.branch === "main" && task.stack === undefined,
      "the move to main",
    );
    const onMain = pullOf(parent, above);
    assert.equal(onMain.base, "main");
    assert.equal(
      await bare.git(["rev-parse", `${onMain.headCommit}^`]),
      await bare.git(["rev-parse", "main"]),
    );
    assert.equal(await bare.git(["diff", "--name-only", "main", onMain.headCommit]), "two.txt");
    const { conflicts } = await client.task(child.id).rebase();
    assert.deepEqual(conflicts, []);
  });
}

test("what does not fit is said, changes nothing, and is resolved by the agent", async (t) => {
  if (!needsJail(t)) return;
  const parent = await startPublishing(t, forges["Gitea"] as (typeof forges)[string]);
  const { client, forge } = parent;
  await client.task(parent.id).publish();
  const { headBranch: below = "" } = (await client.task(parent.id).publication()).pullRequest ?? {};
  const child = await startOn(t, parent, parent.id, 'write "mine" to one.txt without asking');
  await client.task(child.id).publish();
  const { headBranch: above = "" } = (await client.task(child.id).publication()).pullRequest ?? {};
  const before = pullOf(parent, above).headCommit;
  await client.task(parent.id).prompt('write "theirs" to one.txt without asking');
  await parent.watch.status("running");
  await parent.watch.status("idle");
  await client.task(parent.id).publish();
  await child.watch.until(({ stack }) => stack?.conflicts !== undefined, "a conflict", 40_000);
  const { stack, base } = await client.task(child.id).get();
  assert.deepEqual([stack?.conflicts, stack?.onto], [["one.txt"], below]);
  assert.equal(pullOf(parent, above).headCommit, before);
  assert.notEqual(base.commit, pullOf(parent, below).headCommit);
  assert.deepEqual(await client.task(child.id).rebase(), { conflicts: ["one.txt"] });

  assert.deepEqual(await client.task(child.id).rebase({ resolve: true }), { conflicts: ["one.txt"] });
  // The demo agent writes the prompt into a file, and leaves the markers.
  await child.watch.answer("allow_once");
  await child.watch.status("idle");
  const { tree } = await client.task(child.id).diff();
  const { lines } = await client.task(child.id).fileLines({ tree, path: "one.txt", start: 1, end: 9 });
  assert.deepEqual([lines[0], lines[1], lines[3]], ["<<<<<<< refs/holdfast/new-base", "theirs", "mine"]);
  await client.task(child.id).prompt('write "both" to one.txt without asking');
  await child.watch.status("running");
  await child.watch.status("idle");
  await client.task(child.id).publish();
  const { headCommit } = pullOf(parent, above);
  const { bare } = forge.repository;
  assert.equal(await bare.git(["rev-parse", `${headCommit}^`]), pullOf(parent, below).headCommit);
  assert.equal(await bare.git(["show", `${above}:one.txt`]), "both");
});
