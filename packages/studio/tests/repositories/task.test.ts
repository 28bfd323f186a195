/** Tasks on connected repositories: they start from a fresh fetch of a branch, and Apply pushes a new one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { startGitea } from "@holdfast/testing/gitea";
import { createStudio } from "../../src/index.ts";
import { needsJail, temporaryFolder, Watch } from "../support.ts";

test("a task on a connected repository starts from what was pushed last, and Apply pushes a branch", async (t) => {
  if (!needsJail(t)) return;
  const emulator = await startGitea();
  t.after(() => emulator.close());
  const repository = await emulator.addRepository("team/app");
  const dataDirectory = join(temporaryFolder(t), "data");
  const environment = { PATH: process.env.PATH };
  const studio = await createStudio({ dataDirectory, environment, vault: { logins: false } });
  t.after(() => studio.close());
  const { organization } = studio.client;
  const token = emulator.addToken("ada");
  const url = `${emulator.url}/team/app`;
  const { id } = await organization.addRepository({ url, kind: "gitea", token });
  // The connection does not know this branch yet.
  const commit = await repository.bare.commit("feature", { "new.txt": "new\n" }, "Add a file");

  const prompt = 'write "x" to x.txt without asking';
  const start = async (branch?: string, item?: { readonly kind: "issue"; readonly number: number }) => {
    const options = { ...(branch === undefined ? {} : { branch }), ...(item === undefined ? {} : { item }) };
    const task = await organization.createTask({ repository: id, agent: "demo", prompt, ...options });
    const watch = await Watch.open(studio.client, task.id);
    t.after(() => watch.close());
    return { watch, view: await watch.status("idle", "failed") };
  };
  const { watch, view } = await start("feature");
  assert.equal(view.status, "idle", JSON.stringify(view.error));
  assert.deepEqual([view.repository, view.base], ["team/app", { branch: "feature", commit }]);
  const workspace = join(dataDirectory, "tasks", watch.id, "workspace");
  assert.equal(readFileSync(join(workspace, "new.txt"), "utf8"), "new\n");
  assert.ok(!readFileSync(join(workspace, ".git", "config"), "utf8").includes("127.0.0.1"));

  const applied = await studio.client.task(watch.id).apply();
  assert.deepEqual(await studio.client.task(watch.id).apply(), applied);
  await repository.bare.refresh();
  assert.equal(repository.bare.branches.get(applied.branch), applied.commit);
  assert.equal(await repository.bare.git(["show", `${applied.branch}:x.txt`]), "x");

  const { number } = repository.addIssue("Broken", { id: 1, login: "ada" });
  const waiting = async () =>
    (await studio.client.repository(id).issues(1, true)).items.map((each) => each.number);
  assert.deepEqual(await waiting(), [number]);
  const { watch: onIssue, view: lost } = await start("no-such-branch", { kind: "issue", number });
  assert.deepEqual([lost.status, lost.error?.code], ["failed", "branch_not_found"]);
  // What the task was about waits again once it is deleted.
  assert.deepEqual(await waiting(), []);
  await organization.deleteTask(onIssue.id);
  assert.deepEqual(await waiting(), [number]);
  emulator.tokens.clear();
  const { view: revoked } = await start();
  assert.deepEqual(
    [revoked.status, revoked.error?.group, revoked.error?.code],
    ["failed", "forge", "unauthorized"],
  );

  for (const [input, group, code] of [
    [{ repository: id.replace(/^0/, "1") }, "repository", "not_connected"],
    [{ repository: id, branch: "--upload-pack=x" }, "apply", "invalid_branch"],
    [{ repository: "sample", branch: "main" }, "task", "invalid_input"],
  ] as const)
    await assert.rejects(organization.createTask({ agent: "demo", prompt, ...input }), (error) =>
      isErrorCode(error, group, code),
    );
});
