/** Repositories as a person connects them: an address and a token, tried with real git against emulated forges. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { openVault } from "@holdfast/gate";
import { startGitea } from "@holdfast/testing/gitea";
import { GitHubEmulator } from "@holdfast/testing/github";
import { startGitLab } from "@holdfast/testing/gitlab";
import type { AddRepositoryInput, Studio } from "../../src/index.ts";
import { makeRepository, sh, temporaryFolder } from "../support.ts";
import { author, Summaries, startStudio } from "./support.ts";

async function giteaWithApp(t: TestContext) {
  const emulator = await startGitea();
  t.after(() => emulator.close());
  const repository = await emulator.addRepository("team/app");
  return { emulator, repository, token: emulator.addToken("ada"), url: `${emulator.url}/team/app` };
}

/** Every file below a folder that has a text in it. */
async function filesWith(folder: string, text: string): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile() && (await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}

async function refused(studio: Studio, input: AddRepositoryInput, group: string, code: string) {
  const error = await studio.client.organization.addRepository(input).then(
    () => assert.fail("it was connected"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && isErrorCode(error, group, code), String(error));
  assert.deepEqual(await studio.client.organization.listRepositories(), []);
  return error.message;
}

test("a repository is connected with its page's address and a token of each forge, and copied to the host", async (t) => {
  const studio = await startStudio(t, undefined);
  const github = await GitHubEmulator.start();
  const gitlab = await startGitLab();
  const { emulator: gitea } = await giteaWithApp(t);
  t.after(() => Promise.all([github.close(), gitlab.close()]));
  const tokens = {
    github: github.accounts.personalToken("ada"),
    gitlab: gitlab.addToken("ada"),
    gitea: gitea.addToken("ada"),
  };
  const summaries = await Summaries.watch(t, studio.client);
  for (const [kind, emulator] of Object.entries({ github, gitlab, gitea })) {
    const repository = await emulator.addRepository("team/own");
    await repository.bare.commit("feature", { "a.txt": "a\n" }, "Add a");
    await repository.createPullRequest({ title: "Add a", head: "feature", base: "main", author });
    const { id } = await studio.client.organization.addRepository({
      ...{ url: `${emulator.url}/team/own`, kind: kind as keyof typeof tokens },
      token: tokens[kind as keyof typeof tokens],
    });
    const ready = await summaries.until((row) => row.id === id && row.mirror?.status === "ready");
    assert.deepEqual([ready.name, ready.kind, ready.mirror?.defaultBranch], ["team/own", kind, "main"]);
    await summaries.until((row) => row.id === id && row.status === "synced" && row.openPullRequests === 1);
    const mirror = join(studio.dataDirectory, "mirrors", `${id}.git`);
    assert.equal(sh(mirror, "rev-parse", "refs/heads/feature"), repository.bare.branches.get("feature"));
    const [pull] = await studio.client.repository(id).pullRequests({ state: "open" });
    const opened = await studio.client.repository(id).pullRequest(pull?.number ?? 0);
    assert.equal(opened.title, "Add a");
    const checks = await studio.client.repository(id).check();
    assert.deepEqual(
      checks.map((check) => [check.id, check.status]),
      [
        ...(["server", "repository", "pull-requests", "git", "mirror"] as const).map((each) => [each, "ok"]),
        ["webhook", "warning"],
      ],
    );
  }
});

test("any repository is connected over HTTPS with a token, which is in the vault alone", async (t) => {
  const { emulator, repository, token } = await giteaWithApp(t);
  const studio = await startStudio(t, undefined);
  const { client, dataDirectory } = studio;
  const summaries = await Summaries.watch(t, client);
  const url = `${emulator.url}/team/app.git`;
  const { id, kind, name } = await client.organization.addRepository({ url, kind: "git", token });
  assert.deepEqual([kind, name], ["git", `${new URL(url).host}/team/app`]);
  await summaries.until(({ mirror, status }) => mirror?.status === "ready" && status === "synced");
  assert.deepEqual(
    (await client.repository(id).branches()).map((branch) => branch.commit),
    [repository.bare.branches.get("main")],
  );
  assert.deepEqual(await filesWith(dataDirectory, token), []);
  assert.equal(
    await openVault(dataDirectory).readSecret({ name: `repository.${id}.token`, owner: {} }),
    token,
  );

  await client.organization.disconnectRepository(id);
  assert.equal(existsSync(join(dataDirectory, "mirrors", `${id}.git`)), false);
  assert.deepEqual(await openVault(dataDirectory).secretEntries(), []);
});

test("what prevents a connection is said with the next step, and nothing is kept of it", async (t) => {
  const { emulator, token, url } = await giteaWithApp(t);
  const studio = await startStudio(t, undefined);
  const address = ["repository", "invalid_address"] as const;
  for (const [given, words] of [
    ["ssh://github.com/team/app.git", /has a user, a server and a path/],
    ["team/app", /for example https:\/\//],
    ["https://ada:secret-token@example.com/team/app", /enter the token in its own field/],
    ["http://example.com/team/app", /must begin with https/],
    ["ftp://example.com/team/app", /must begin with https/],
    ["https://example.com", /has no repository in it/],
    ["https://example.com/team/app?tab=readme", /Leave out what follows/],
  ] as const) {
    const message = await refused(studio, { url: given }, ...address);
    assert.match(message, words);
    assert.ok(!message.includes("secret-token"));
  }
  const wrong = "a-token-that-is-wrong";
  for (const kind of ["git", "gitea"] as const) {
    const message = await refused(studio, { url, kind, token: wrong }, "forge", "unauthorized");
    assert.match(message, /connect again/);
    assert.ok(!message.includes(wrong));
  }
  assert.match(await refused(studio, { url }, "forge", "unauthorized"), /asks for a credential/);
  const missing = { url: `${emulator.url}/team/none`, token };
  for (const kind of ["git", "gitea"] as const)
    await refused(studio, { ...missing, kind }, "forge", "not_found");
  await refused(studio, { url, kind: "gitea" }, "repository", "invalid_source");
  await refused(studio, { url, kind: "gitea", token: "short" }, "vault", "invalid_secret");
  await refused(studio, { path: "/no/such/folder" }, "repository", "not_found");

  const empty = await emulator.addRepository("team/empty");
  await empty.bare.git(["update-ref", "-d", "refs/heads/main"]);
  await empty.bare.refresh();
  const message = await refused(
    studio,
    { url: `${emulator.url}/team/empty`, kind: "git", token },
    ...(["repository", "empty"] as const),
  );
  assert.match(message, /Push a first commit/);

  await emulator.close();
  for (const kind of ["git", "gitea"] as const) {
    const down = await refused(studio, { url, kind, token }, "forge", "unavailable");
    assert.match(down, /Check the address and the network/);
  }
  assert.deepEqual(await openVault(studio.dataDirectory).secretEntries(), []);
});

/** A server of git in front of an emulator: while it holds, copies of repositories stop in the middle. */
async function holdingProxy(t: TestContext, target: string) {
  const proxy = { url: "", isHolding: true };
  const server = createServer(async (request, response) => {
    const { method = "GET", url = "" } = request;
    const names = ["authorization", "content-type", "content-encoding", "git-protocol", "accept"] as const;
    const headers = names.flatMap((name) =>
      request.headers[name] === undefined ? [] : [[name, String(request.headers[name])]],
    );
    const body = method === "GET" ? null : await buffer(request);
    const answer = await fetch(target + url, { method, headers: headers as [string, string][], body });
    const passed = ["content-type", "www-authenticate"].flatMap((name) =>
      answer.headers.get(name) === null ? [] : [[name, answer.headers.get(name)]],
    );
    response.writeHead(answer.status, Object.fromEntries(passed));
    const isCopy = body?.includes("command=fetch") === true;
    let sent = 0;
    try {
      for await (const chunk of answer.body ?? []) {
        response.write(chunk);
        sent += chunk.byteLength;
        if (isCopy && proxy.isHolding && sent > 1024 * 1024) return;
      }
      response.end();
    } catch {
      // The emulator has ended, or its connection: that of git ends too.
      response.destroy();
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

test("a fetch shows its progress, is cancelled, and goes on with the next sync", async (t) => {
  const { emulator, repository, token } = await giteaWithApp(t);
  // Texts that do not compress.
  const big = Object.fromEntries(
    Array.from({ length: 8 }, (_, n) => [`${n}.txt`, randomBytes(768 * 1024).toString("base64")]),
  );
  await repository.bare.commit("main", big, "Add much");
  const proxy = await holdingProxy(t, emulator.url);
  const studio = await startStudio(t, undefined, { limits: { repositoryReportMs: 1 } });
  const { client } = studio;
  const summaries = await Summaries.watch(t, client);
  const url = `${proxy.url}/team/app.git`;
  const { id } = await client.organization.addRepository({ url, kind: "git", token });
  await summaries.until(({ mirror }) => mirror?.progress?.percent === 100);
  await client.repository(id).cancelFetch();
  const cancelled = await summaries.until(({ mirror }) => mirror?.status !== "fetching");
  assert.equal(cancelled.mirror?.error?.code, "repository.fetch_cancelled");

  proxy.isHolding = false;
  await client.repository(id).sync();
  await summaries.until(({ mirror }) => mirror?.status === "ready");
  const packs = join(studio.dataDirectory, "mirrors", `${id}.git`, "objects", "pack");
  assert.deepEqual(
    (await readdir(packs)).filter((file) => file.startsWith("tmp_")),
    [],
  );
});

test("a folder is connected, checked, and listed with its branches", async (t) => {
  const studio = await startStudio(t, undefined);
  const summaries = await Summaries.watch(t, studio.client);
  const path = makeRepository(temporaryFolder(t));
  const { id } = await studio.client.organization.addRepository({ path });
  await summaries.until(({ status }) => status === "synced");
  const [check, ...rest] = await studio.client.repository(id).check();
  assert.deepEqual([check?.id, check?.status, rest], ["folder", "ok", []]);
});

test("the Studio sets up the webhook where the token may, shows its secret where not, and why deliveries are refused", async (t) => {
  const studio = await startStudio(t, undefined);
  const github = await GitHubEmulator.start();
  const gitlab = await startGitLab();
  const { emulator: gitea } = await giteaWithApp(t);
  t.after(() => Promise.all([github.close(), gitlab.close()]));
  const tokens = {
    github: github.accounts.personalToken("ada"),
    gitlab: gitlab.addToken("ada"),
    gitea: gitea.addToken("ada"),
  };
  const summaries = await Summaries.watch(t, studio.client);
  for (const [name, emulator] of Object.entries({ github, gitlab, gitea })) {
    const kind = name as keyof typeof tokens;
    const hosted = await emulator.addRepository("team/own");
    const url = `${emulator.url}/team/own`;
    const added = await studio.client.organization.addRepository({ url, kind, token: tokens[kind] });
    const repository = studio.client.repository(added.id);
    await summaries.until(({ id, status }) => id === added.id && status === "synced");
    const target = `${studio.url}/forges/${added.id}`;
    // Twice: the same webhook gets a new secret.
    for (const _ of [1, 2])
      assert.deepEqual(await repository.setUpWebhook(studio.url), { isSetUp: true, url: target });
    assert.deepEqual(
      hosted.hooks.map((hook) => hook.url),
      [target],
    );
    // Those that name events send no others; checks, comments and issues have to be among them.
    if (name === "github")
      assert.deepEqual(hosted.hooks[0]?.events.toSorted(), [
        ...["check_run", "issue_comment", "issues", "pull_request", "pull_request_review"],
        ...["pull_request_review_comment", "push", "status"],
      ]);
    const sender = emulator.sendWebhooksTo(target, hosted.hooks[0]?.secret ?? "");
    await hosted.bare.commit("feature", { "a.txt": "a\n" }, "Add a");
    await hosted.createPullRequest({ title: "Add a", head: "feature", base: "main", author });
    await sender.settled();
    assert.equal((await repository.pullRequests({ state: "open" })).length, 1);
    const view = await repository.get();
    assert.deepEqual([view.webhook?.isSetUp, view.webhook?.failures], [true, []]);

    const wrong = emulator.sendWebhooksTo(target, "another secret");
    await hosted.bare.commit("other", { "b.txt": "b\n" }, "Add b");
    await hosted.createPullRequest({ title: "Add b", head: "other", base: "main", author });
    await wrong.settled();
    const [failure, ...more] = (await repository.get()).webhook?.failures ?? [];
    assert.deepEqual([failure?.code, failure?.count, more], ["forge.webhook_refused", 3, []]);
    const check = (await repository.check()).find(({ id }) => id === "webhook");
    assert.equal(check?.status, "failed");
  }
  const readOnly = gitea.addToken("ada", { canWrite: false });
  const url = `${gitea.url}/team/own`;
  const added = await studio.client.organization.addRepository({ url, kind: "gitea", token: readOnly });
  const setup = await studio.client.repository(added.id).setUpWebhook(studio.url);
  assert.ok(!setup.isSetUp);
  assert.match(setup.reason, /Give it the permission at the forge/);
  const sender = gitea.sendWebhooksTo(setup.url, setup.secret);
  const hosted = await gitea.addRepository("team/more");
  await hosted.bare.commit("feature", { "a.txt": "a\n" }, "Add a");
  await hosted.createPullRequest({ title: "Add a", head: "feature", base: "main", author });
  await sender.settled();
  assert.equal(sender.attempts.at(-1)?.status, 202);
  for (const wrong of [
    "",
    "studio.example.com",
    "https://studio.example.com/path",
    "ftp://studio.example.com",
  ])
    await assert.rejects(studio.client.repository(added.id).setUpWebhook(wrong), (error) =>
      isErrorCode(error, "repository", "invalid_webhook_url"),
    );
});
