/** What can go wrong on the way to a pull request: each is said in words, with the next step, and can be repeated. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { forges, githubApp, storeSecrets } from "../repositories/support.ts";
import { makeRepository, needsJail, ServerProcess, sh, temporaryFolder, Watch } from "../support.ts";
import { failure, onlyPull, startPublishing, startTask, until } from "./support.ts";

const gitea = forges["Gitea"] as (typeof forges)[string];

/** Fails as `name` with the next step, shows the same in the task, and works when `mended` has run. */
async function failsUntil(
  { client, id }: Awaited<ReturnType<typeof startPublishing>>,
  name: string,
  message: RegExp,
  mended: () => unknown,
): Promise<void> {
  const failed = await failure(client.task(id).publish());
  assert.equal(failed.name, name);
  assert.match(failed.message, message);
  const { error, progress } = await client.task(id).publication();
  assert.deepEqual([error?.message, progress], [failed.message, null]);
  await mended();
  const published = await client.task(id).publish();
  assert.deepEqual([published.error, published.pullRequest?.state], [undefined, "open"]);
}

test("a hook or a protected branch of the forge refuses the push", async (t) => {
  if (!needsJail(t)) return;
  const published = await startPublishing(t, gitea);
  const { client, forge, id } = published;
  const { branch } = (await client.task(id).publication()).proposal;
  await forge.repository.bare.protect(branch);
  const allow = () => forge.repository.bare.git(["config", "--unset-all", "forge.protected"]);
  await failsUntil(published, "forge.refused", /protected/, allow);
  await forge.repository.bare.git(["config", "forge.protectedwords", "sign your work"]);
  await forge.repository.bare.protect("holdfast/hooked");
  const hooked = await failure(client.task(id).publish({ branch: "holdfast/hooked" }));
  assert.match(
    hooked.message,
    /refused the push of holdfast\/hooked: .*sign your work.*Change what it names/,
  );
});

test("a branch with commits of others is never overwritten", async (t) => {
  if (!needsJail(t)) return;
  const { client, forge, id } = await startPublishing(t, gitea);
  const { branch } = (await client.task(id).publication()).proposal;
  const theirs = await forge.repository.bare.commit(branch, { "theirs.txt": "theirs\n" }, "Theirs");
  const failed = await failure(client.task(id).publish());
  assert.match(failed.message, /has commits at the forge that are missing here/);
  assert.equal(forge.repository.bare.branches.get(branch), theirs);
  const other = await client.task(id).publish({ branch: "holdfast/other" });
  assert.equal(other.pullRequest?.headBranch, "holdfast/other");
});

test("a task that is published in the end, after much that is refused", async (t) => {
  if (!needsJail(t)) return;
  const published = await startPublishing(t, gitea);
  const { client, forge, id } = published;

  await t.test("input that no publication can have changes nothing", async () => {
    const task = client.task(id);
    const bad: unknown[] = [
      ...[
        "text",
        { title: " " },
        { title: "x".repeat(251) },
        { title: 1 },
        { body: "x".repeat(32 * 1024 + 1) },
      ],
      ...[{ draft: "yes" }, { branch: "main" }, { branch: "holdfast/a..b" }, { branch: "holdfast/a.lock" }],
      ...[
        { baseBranch: "-x" },
        { reviewers: "ada" },
        { reviewers: ["a b"] },
        { reviewers: Array(16).fill("a") },
        { assignees: Array(11).fill("a") },
        { labels: ["a,b"] },
      ],
    ];
    for (const input of bad)
      assert.equal(
        (await failure(task.publish(input as never))).name,
        "publish.invalid_input",
        JSON.stringify(input),
      );
    assert.equal(
      (await failure(task.mergePullRequest({ method: "fast" as never }))).name,
      "publish.invalid_input",
    );
    for (const early of [
      task.readPullRequest(),
      task.markReady(),
      task.mergePullRequest(),
      task.addressReview(),
    ])
      assert.equal((await failure(early)).name, "publish.no_pull_request");
    assert.equal(forge.repository.pullRequests.size, 0);
  });

  await t.test("a base branch that the forge lacks is named, and the push is kept", async () => {
    const failed = await failure(published.client.task(published.id).publish({ baseBranch: "gone" }));
    assert.equal(failed.name, "publish.not_opened");
    assert.match(
      failed.message,
      /was pushed, but no pull request into gone was opened\. Check that gone exists/,
    );
    await published.client.task(published.id).publish({ baseBranch: "main" });
    assert.equal(onlyPull(published).base, "main");
  });

  await t.test("a branch that was deleted at the forge is pushed again", async () => {
    const { head, headCommit } = onlyPull(published);
    await forge.repository.bare.git(["update-ref", "-d", `refs/heads/${head}`]);
    await forge.repository.bare.refresh();
    await client.task(id).publish();
    assert.equal(forge.repository.bare.branches.get(head), headCommit);
  });

  await t.test("a pull request that somebody closed is not opened again, but another branch is", async () => {
    // Nobody has told the Studio.
    Object.assign(onlyPull(published), { state: "closed", closedAt: forge.emulator.now() });
    const failed = await failure(client.task(id).publish());
    assert.equal(failed.name, "publish.closed");
    assert.match(failed.message, /Open it again there, or publish to another branch/);
    const { proposal, pullRequest } = await client.task(id).publication();
    assert.deepEqual([pullRequest?.state, proposal.branch.endsWith("-v2")], ["closed", true]);
    const next = await client.task(id).publish({ branch: proposal.branch });
    assert.deepEqual([next.pullRequest?.number, next.pullRequest?.state], [2, "open"]);
  });
});

test("a token that has expired, and a forge that cannot be reached", async (t) => {
  if (!needsJail(t)) return;
  const published = await startPublishing(t, gitea);
  const { client, forge } = published;
  const { dataDirectory } = await client.organization.system();
  await storeSecrets(dataDirectory, { ...forge, secrets: { [forge.secretName]: "expired-token" } });
  await failsUntil(published, "forge.unauthorized", /has expired or was revoked: connect again/, () =>
    storeSecrets(dataDirectory, forge),
  );
  // The repository's actor reads the pull request too.
  forge.emulator.faults.push(...Array.from({ length: 40 }, () => ({ kind: "disconnect" }) as const));
  await failsUntil(published, "forge.unavailable", /cannot be reached.*try again/, () => {
    forge.emulator.faults.length = 0;
  });
});

test("an App that was uninstalled is said, also beside the pull request, until it is installed again", async (t) => {
  if (!needsJail(t)) return;
  let uninstall = () => {};
  const published = await startPublishing(t, async (test: TestContext) => {
    const forge = await githubApp(test);
    uninstall = () => forge.emulator.uninstall(forge.installation);
    return forge;
  });
  const { client, id } = published;
  await client.task(id).publish();
  uninstall();
  await until(published, ({ pullRequest }) => pullRequest?.readError !== undefined);
  const failed = await failure(client.task(id).publish());
  assert.match(failed.name, /^forge\.(not_found|unauthorized|forbidden)$/);
  assert.match(failed.message, /[Cc]onnect again|Check its name|Install/);
});

test("a repository that is not connected, or has no remote at a forge", async (t) => {
  if (!needsJail(t)) return;
  const published = await startPublishing(t, gitea);
  const { client, id, repositoryId } = published;
  await client.organization.disconnectRepository(repositoryId);
  const { target, problem } = await client.task(id).publication();
  assert.deepEqual([target, problem?.code], [null, "not_connected"]);
  assert.match(problem?.message ?? "", /team\/app is not connected\. Connect it/);
  assert.equal((await failure(client.task(id).publish())).name, "publish.not_connected");
  const local = await client.organization.createTask({
    ...{ repository: makeRepository(temporaryFolder(t)), agent: "demo" },
    prompt: 'write "one" to one.txt without asking',
  });
  const watch = await Watch.open(client, local.id);
  await watch.status("idle");
  assert.match((await failure(client.task(local.id).publish())).message, /no remote at a forge/);
  await watch.close();
});

test("a server that is killed between the push and the pull request opens one, not two", async (t) => {
  if (!needsJail(t)) return;
  const forge = await gitea(t);
  const dataDirectory = join(temporaryFolder(t), "data");
  const server = await ServerProcess.start(t, dataDirectory);
  await storeSecrets(dataDirectory, forge);
  const { client, id } = await startTask(t, forge, server.client);
  const asked = Promise.withResolvers<void>();
  // The forge has opened the pull request, and its answer is lost with the server.
  const created = forge.repository.createPullRequest.bind(forge.repository);
  forge.repository.createPullRequest = async (given) => {
    const pull = await created(given);
    asked.resolve();
    await new Promise(() => {});
    return pull;
  };
  client
    .task(id)
    .publish({ title: "Once" })
    .catch(() => {});
  await asked.promise;
  await server.kill();
  forge.repository.createPullRequest = created;
  const next = await ServerProcess.start(t, dataDirectory, server.cookie);
  await until(
    { client: next.client, id },
    ({ progress, pullRequest }) => progress === null && pullRequest !== undefined,
  );
  const pull = onlyPull({ forge });
  assert.equal(pull.title, "Once");
  assert.equal(sh(forge.repository.bare.path, "rev-list", "--count", `main..${pull.head}`), "1");
  await next.stop();
});
