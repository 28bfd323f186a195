/** Repositories of a real Studio, kept equal to those of emulated forges. */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { isErrorCode } from "@holdfast/core";
import type { PullRequestView, StudioClient } from "../../src/index.ts";
import { makeRepository, sh, temporaryFolder } from "../support.ts";
import {
  author,
  type ForgeUnderTest,
  forges,
  githubApp,
  Summaries,
  startStudio,
  webhookSecret,
} from "./support.ts";

/** All pull requests of a repository, through its pages. */
async function allPullRequests(client: StudioClient, id: string): Promise<readonly PullRequestView[]> {
  const all: PullRequestView[] = [];
  for (;;) {
    const before = all.at(-1)?.number;
    const page = await client.repository(id).pullRequests({
      ...{ limit: 200, ...(before === undefined ? {} : { before }) },
    });
    if (page.length === 0) return all;
    all.push(...page);
  }
}

/** Compares what is kept with what the forge has. */
async function assertEqual(client: StudioClient, id: string, { repository }: ForgeUnderTest): Promise<void> {
  const kept = await allPullRequests(client, id);
  const hosted = [...repository.pullRequests.values()].toReversed();
  assert.deepEqual(
    kept.map((pull) => [pull.number, pull.title, pull.state, pull.headCommit, pull.author]),
    hosted.map((pull) => [
      ...[pull.number, pull.title, pull.mergedAt === null ? pull.state : "merged"],
      ...[pull.headCommit, pull.author.login],
    ]),
  );
  const branches = await client.repository(id).branches();
  assert.deepEqual(
    branches.map(({ name, commit }) => [name, commit]),
    [...repository.bare.branches].sort(([left], [right]) => (left < right ? -1 : 1)),
  );
}

async function connect(t: TestContext, forge: ForgeUnderTest, reconcileMs?: number) {
  const limits = reconcileMs === undefined ? {} : { limits: { repositoryReconcileMs: reconcileMs } };
  const studio = await startStudio(t, forge, limits);
  const summaries = await Summaries.watch(t, studio.client);
  const { id } = await studio.client.organization.connectRepository(forge.source);
  return { studio, client: studio.client, summaries, id };
}

for (const [name, start] of Object.entries(forges)) {
  test(`${name}: a repository is copied, and a second sync writes only what has changed`, async (t) => {
    const forge = await start(t);
    const { repository, emulator } = forge;
    await repository.fill(230, author);
    const { client, summaries, id } = await connect(t, forge);
    const first = await summaries.until(({ status }) => status === "synced");
    assert.deepEqual([first.branches, first.pullRequests, first.openPullRequests], [231, 230, 230]);
    await assertEqual(client, id, forge);

    const closed = repository.pullRequests.get(7);
    assert.ok(closed !== undefined);
    emulator.advance(60_000);
    repository.updatePullRequest(closed, { state: "closed" });
    await repository.bare.git(["update-ref", "-d", "refs/heads/fill-0-9"]);
    await repository.bare.refresh();
    await client.repository(id).sync();
    const second = await summaries.until(({ branches }) => branches === 230);
    await summaries.until(({ openPullRequests }) => openPullRequests === 229);
    assert.equal(second.pullRequests, 230);
    await summaries.until(({ status, syncedAt }) => status === "synced" && syncedAt !== first.syncedAt);
    await assertEqual(client, id, forge);
    assert.deepEqual(
      (await client.repository(id).pullRequests({ state: "closed" })).map(({ number }) => number),
      [7],
    );
  });

  test(`${name}: webhooks are applied once and in any order`, async (t) => {
    const forge = await start(t);
    const { repository, emulator } = forge;
    await repository.fill(3, author);
    await repository.bare.commit("feature", { "feature.txt": "new\n" }, "Add a feature");
    const { studio, client, summaries, id } = await connect(t, forge);
    await summaries.until(({ status }) => status === "synced");
    const sender = emulator.sendWebhooksTo(`${studio.url}/forges/${id}`, webhookSecret);
    sender.isHolding = true;
    const opened = await repository.createPullRequest({
      ...{ title: "Old title", head: "feature", base: "main", author },
    });
    emulator.advance(60_000);
    repository.updatePullRequest(opened, { title: "New title" });
    // Late, early, and both again.
    for (const delivery of [...sender.held.toReversed(), ...sender.held]) {
      sender.send(delivery);
      await sender.settled();
    }
    assert.deepEqual(
      sender.attempts.map(({ status }) => status),
      [202, 202, 202, 202],
    );
    const [latest] = await client.repository(id).pullRequests({ limit: 1 });
    assert.deepEqual([latest?.number, latest?.title], [opened.number, "New title"]);
    // GitLab's webhooks do not name the author, who is asked for afterwards.
    while ((await client.repository(id).pullRequests({ limit: 1 }))[0]?.author !== author.login)
      await delay(20);
    assert.equal((await client.organization.listRepositories())[0]?.pullRequests, 4);
  });

  test(`${name}: a change without a webhook is found by the timer`, async (t) => {
    const forge = await start(t);
    const { repository, emulator } = forge;
    await repository.fill(3, author);
    const { client, summaries, id } = await connect(t, forge, 5_000);
    await summaries.until(({ status }) => status === "synced");
    const pull = repository.pullRequests.get(2);
    assert.ok(pull !== undefined);
    emulator.advance(60_000);
    await repository.merge(pull, "merge");
    await summaries.until(({ openPullRequests }) => openPullRequests === 2);
    await summaries.until(({ status }) => status === "synced");
    assert.equal((await client.repository(id).pullRequests({ state: "merged" }))[0]?.number, 2);
    await assertEqual(client, id, forge);
  });
}

test("forged webhooks, and webhooks of repositories that do not exist, are refused alike", async (t) => {
  const forge = await githubApp(t);
  await forge.repository.fill(1, author);
  const { studio, client, summaries, id } = await connect(t, forge);
  await summaries.until(({ status }) => status === "synced");
  const pull = forge.repository.pullRequests.get(1);
  assert.ok(pull !== undefined);
  const answers = new Set<string>();
  for (const [target, secret] of [
    [id, "wrong"],
    ["00000000-0000-7000-8000-000000000000", webhookSecret],
    ["none", webhookSecret],
  ] as const) {
    const sender = forge.emulator.sendWebhooksTo("http://127.0.0.1:9", secret);
    sender.isHolding = true;
    forge.repository.updatePullRequest(pull, { title: "Forged" });
    const [delivery] = sender.held;
    assert.ok(delivery !== undefined);
    const url = `${studio.url}/forges/${encodeURIComponent(target)}`;
    const response = await fetch(url, { method: "POST", headers: delivery.headers, body: delivery.body });
    const { code } = (await response.json()) as { code: string };
    answers.add(`${response.status} ${code}`);
  }
  assert.deepEqual([...answers], ["401 webhook_refused"]);
  assert.equal((await client.repository(id).pullRequests())[0]?.title, "Change 1");
});

test("an App that is suspended in the middle of a sync: the sync goes on at its page when it is back", async (t) => {
  const forge = await githubApp(t);
  const { emulator, repository, installation } = forge;
  await repository.fill(450, author);
  const isPull = (line: string) => /\/pulls\?.*&page=\d+ 200$/.test(line);
  const suspend = () => {
    installation.isSuspended = true;
  };
  emulator.faults.push({ at: /\/pulls\?.*&page=3$/, kind: "call", call: suspend });
  const { client, summaries, id } = await connect(t, forge);
  const failed = await summaries.until(({ status }) => status === "failed");
  assert.equal(failed.error?.code, "forge.forbidden");
  assert.match(failed.error?.message ?? "", /permission/);
  const before = emulator.requests.filter(isPull);
  assert.equal(failed.pullRequests, before.length * 100);
  assert.equal(before.length, 2);

  installation.isSuspended = false;
  await client.repository(id).sync();
  await summaries.until(({ status }) => status === "synced");
  const pages = emulator.requests.filter(isPull).map((line) => /page=(\d+) /.exec(line)?.[1]);
  assert.deepEqual(pages, ["1", "2", "3", "4", "5"]);
  await assertEqual(client, id, forge);
});

test("an App that is uninstalled: what is known stays, and the reason is shown", async (t) => {
  const forge = await githubApp(t);
  const { emulator, repository, installation } = forge;
  await repository.fill(2, author);
  const { studio, client, summaries, id } = await connect(t, forge);
  await summaries.until(({ status }) => status === "synced");
  const sender = emulator.sendWebhooksTo(`${studio.url}/forges/${id}`, webhookSecret);
  emulator.uninstall(installation);
  await sender.settled();
  const failed = await summaries.until(({ status }) => status === "failed");
  assert.match(failed.error?.message ?? "", /Install it again for team\/app/);
  assert.equal((await client.repository(id).pullRequests()).length, 2);
  await client.repository(id).sync();
  const refused = await summaries.until(({ error }) => error?.code === "forge.not_found");
  assert.equal(refused.pullRequests, 2);
});

test("an App that is uninstalled in the middle of a sync: what was copied stays, and the reason is shown", async (t) => {
  const forge = await githubApp(t);
  const { emulator, repository, installation } = forge;
  await repository.fill(150, author);
  emulator.faults.push({
    ...{ at: /\/pulls\?.*&page=2$/, kind: "call" },
    call: () => emulator.uninstall(installation),
  });
  const { client, summaries, id } = await connect(t, forge);
  const failed = await summaries.until(({ status }) => status === "failed");
  assert.match(failed.error?.message ?? "", /not installed at GitHub any more\. Install it again/);
  assert.equal(failed.pullRequests, 100);
  assert.ok((await client.repository(id).pullRequests()).length > 0);
});

test("a rate limit is waited for, and says until when", async (t) => {
  const forge = await githubApp(t);
  await forge.repository.fill(1, author);
  const headers = { "retry-after": "3" };
  forge.emulator.faults.push({ at: /\/branches\?/, kind: "answer", answer: { status: 429, headers } });
  const { summaries } = await connect(t, forge);
  await summaries.until(({ status }) => status === "synced");
  const waiting = summaries.seen.find(({ status }) => status === "waiting");
  assert.equal(waiting?.error?.code, "forge.rate_limited");
  assert.ok((waiting?.retryAt ?? 0) > 0);
});

test("a folder has branches and no pull requests", async (t) => {
  const path = makeRepository(temporaryFolder(t));
  sh(path, "branch", "feature");
  const studio = await startStudio(t, undefined);
  const summaries = await Summaries.watch(t, studio.client);
  const { id } = await studio.client.organization.connectRepository({ kind: "folder", path });
  const synced = await summaries.until(({ status }) => status === "synced");
  assert.deepEqual([synced.name, synced.kind, synced.pullRequests], [path, "folder", 0]);
  const branches = await studio.client.repository(id).branches();
  assert.deepEqual(
    branches.map(({ name }) => name),
    ["feature", "main"],
  );
});

test("a repository that is disconnected is gone, and can be connected again", async (t) => {
  const forge = await githubApp(t);
  await forge.repository.fill(1, author);
  const { studio, client, summaries, id } = await connect(t, forge);
  await summaries.until(({ status }) => status === "synced");
  await client.organization.disconnectRepository(id);
  await client.organization.disconnectRepository(id);
  assert.deepEqual(await client.organization.listRepositories(), []);
  await assert.rejects(client.repository(id).get(), (error) => isErrorCode(error, "actor", "not_found"));
  const sender = forge.emulator.sendWebhooksTo(`${studio.url}/forges/${id}`, webhookSecret);
  forge.repository.addComment({ number: 1, body: "Hello", author });
  await sender.settled();
  assert.ok(sender.attempts.every(({ status }) => status === 401));
  const again = await client.organization.connectRepository(forge.source);
  assert.notEqual(again.id, id);
  await summaries.until(({ status }) => status === "synced");
});

test("a source that is wrong is refused, and connects nothing", async (t) => {
  const { client } = await startStudio(t, undefined);
  const credential = { kind: "token", secret: "forge" } as const;
  const base = { kind: "forge", forge: "gitea", apiUrl: "https://forge.example/api/v1", credential } as const;
  for (const source of [
    undefined,
    { kind: "other" },
    { ...base, fullName: "team/app", forge: "svn" },
    { ...base, fullName: "team/app", apiUrl: "http://forge.example/api/v1" },
    { ...base, fullName: "team/app", apiUrl: "https://ada:key@forge.example/api/v1" },
    {
      ...base,
      fullName: "team/app",
      credential: { kind: "app", secret: "a", appId: "1", installationId: 1 },
    },
    { ...base, fullName: "team/../app" },
  ])
    await assert.rejects(
      client.organization.connectRepository(source as never),
      (error) =>
        isErrorCode(error, "repository", "invalid_source") || isErrorCode(error, "forge", "not_found"),
    );
  assert.deepEqual(await client.organization.listRepositories(), []);
});
