/** Tasks on pull requests of forks: fetched from the base, without secrets, pushed to the fork where it allows that. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openVault } from "@holdfast/gate";
import { environmentFile } from "../environments/support.ts";
import { type ForgeUnderTest, forges, Summaries, startStudio } from "../repositories/support.ts";
import { needsJail, Watch } from "../support.ts";
import { failure, openFork } from "./support.ts";

const prompt = 'write "one" to one.txt without asking';

async function connect(t: TestContext, forge: ForgeUnderTest) {
  const studio = await startStudio(t, forge, { runTasks: true });
  const summaries = await Summaries.watch(t, studio.client);
  const { id } = await studio.client.organization.connectRepository(forge.source);
  await summaries.until(({ status, mirror }) => status === "synced" && mirror?.status === "ready");
  const start = async (pullRequest: number) => {
    const task = await studio.client.organization.createTask({
      ...{ repository: id, agent: "demo", prompt, pullRequest },
    });
    const watch = await Watch.open(studio.client, task.id);
    t.after(() => watch.close());
    return { id: task.id, watch, task: studio.client.task(task.id) };
  };
  return { ...studio, repositoryId: id, start };
}

for (const [name, create] of Object.entries(forges)) {
  test(`${name}: a task on a fork's pull request pushes to the fork, while the fork allows it`, async (t) => {
    if (!needsJail(t)) return;
    const forge = await create(t);
    const { fork, pull } = await openFork(forge, { "fix.txt": "fixed\n" }, true);
    const { start } = await connect(t, forge);
    Object.assign(pull, { labels: ["urgent", "bug"] });
    const { task, watch } = await start(pull.number);
    const view = await watch.status("idle", "failed");
    assert.equal(view.status, "idle", JSON.stringify(view.error));
    assert.deepEqual(view.base, { branch: "fix", commit: pull.headCommit });
    assert.deepEqual(view.labels, ["bug", "urgent"]);
    assert.deepEqual(
      [view.fork?.number, view.fork?.repository, view.fork?.secrets],
      [pull.number, "eve/app", "none"],
    );
    const { fork: shown, proposal } = await task.publication();
    assert.deepEqual([shown?.mayEdit, proposal.baseBranch, proposal.title], [true, "main", "Fix it"]);

    const published = await task.publish({ to: "fork" });
    assert.equal(published.pullRequest?.number, pull.number);
    assert.equal(await fork.bare.git(["show", "fix:one.txt"]), "one");
    assert.equal(await fork.bare.git(["show", "fix:fix.txt"]), "fixed");
    assert.equal(pull.headCommit, fork.bare.branches.get("fix"));
    assert.equal(forge.repository.pullRequests.size, 1);

    Object.assign(pull, { maintainersMayEdit: false });
    const refused = await failure(task.publish({ to: "fork" }));
    assert.equal(refused.name, "publish.fork_closed");
    assert.match(refused.message, /branch of your own/);
    const own = await task.publish({ to: "branch", title: "Mine" });
    assert.notEqual(own.pullRequest?.number, pull.number);
    assert.match(own.pullRequest?.headBranch ?? "", /^holdfast\//);
    assert.equal(own.pullRequest?.baseBranch, "main");
  });
}

test("code of a fork gets secrets when a person has said so, and never the caches of others", async (t) => {
  if (!needsJail(t)) return;
  const forge = await (forges["Gitea"] as (typeof forges)[string])(t);
  const environment = `
network: [{host: packages.example.com, secret: packages}]
setup: [{name: look, run: "touch seen.txt"}]
`;
  const files = { [environmentFile]: environment, ".gitignore": "seen.txt\n" };
  const { pull } = await openFork(forge, files, false);
  const { client, start } = await connect(t, forge);
  const { dataDirectory } = await client.organization.system();
  await writeFile(join(dataDirectory, "environments.json"), '{"hosts": ["packages.example.com"]}');
  await openVault(dataDirectory).setSecret({ name: "packages", owner: {} }, "a-secret");

  const { task, watch } = await start(pull.number);
  const asked = await watch.status("waiting");
  assert.deepEqual([asked.error?.code, asked.fork?.secrets], ["secrets_not_allowed", "asked"]);
  assert.match(asked.error?.message ?? "", /fork eve\/app.*the secret packages/);
  assert.equal((await failure(task.decideSecrets("yes" as never))).name, "task.invalid_input");
  await task.decideSecrets(false);
  const done = await watch.status("idle");
  assert.equal(done.fork?.secrets, "withheld");
  assert.equal((await failure(task.decideSecrets(true))).name, "task.secrets_decided");

  const second = await start(pull.number);
  await second.watch.status("waiting");
  await second.task.decideSecrets(true);
  assert.equal((await second.watch.status("idle")).fork?.secrets, "allowed");

  // Two preparations of the fork's code, and none of them is that of the repository.
  const prepared = readdirSync(join(dataDirectory, "environments")).filter((name) =>
    /^[0-9a-f]{32}$/.test(name),
  );
  assert.equal(prepared.length, 2);
  const { records } = await client.administration.audit({ task: watch.id });
  const decision = records.find(({ type }) => type === "task.fork_secrets");
  assert.equal(decision?.data?.["isAllowed"], false);
  const jails = records.filter(({ type }) => type === "jail.start");
  assert.ok(jails.length > 0);
  const { title } = await task.get();
  for (const { task: named } of jails) assert.deepEqual(named, { id: watch.id, title });

  const local = await client.organization.createTask({ repository: "sample", agent: "demo", prompt });
  assert.equal((await failure(client.task(local.id).decideSecrets(true))).name, "task.no_fork");
});
