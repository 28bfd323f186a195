/** Conformance of the clients of forges, each against an emulator with real git. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { HoldfastError } from "@holdfast/core";
import type { GitCredential } from "../../src/forges/forge.ts";
import { type ForgeFixture, githubAsApp, githubWithToken, repositoryName as name } from "./fixture.ts";

const run = promisify(execFile);
const newPull = { title: "Feature", body: "Why", headBranch: "feature", baseBranch: "main" } as const;

/** Runs git with a credential that stands in its environment only. */
async function git(
  folder: string,
  { username, password }: GitCredential,
  ...args: string[]
): Promise<string> {
  const helper = "!f() { echo username=$FORGE_USER; echo password=$FORGE_PASSWORD; }; f";
  const config = ["-c", `credential.helper=${helper}`, "-c", "user.name=T", "-c", "user.email=t@example.com"];
  const env = {
    PATH: process.env["PATH"],
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_TERMINAL_PROMPT: "0",
    FORGE_USER: username,
    FORGE_PASSWORD: password,
  };
  return (await run("git", [...config, ...args], { cwd: folder, env })).stdout.trim();
}

async function failure(promise: Promise<unknown>): Promise<HoldfastError> {
  const error = await promise.then(
    () => assert.fail("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof HoldfastError, String(error));
  assert.equal(error.group, "forge");
  return error;
}

const kinds: Readonly<Record<string, () => Promise<ForgeFixture>>> = {
  "GitHub as an App": githubAsApp,
  "GitHub with a token": githubWithToken,
};

for (const [kind, start] of Object.entries(kinds)) {
  describe(kind, () => {
    let fixture: ForgeFixture;
    const folder = mkdtempSync(join(tmpdir(), "holdfast-forges-"));
    before(async () => {
      fixture = await start();
    });
    after(async () => {
      await fixture.emulator.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test("identifies itself and lists repositories", async () => {
      const { forge } = fixture;
      assert.match((await forge.identify()).login, /^(ada|holdfast-emulator)$/);
      const { items } = await forge.repositories();
      assert.ok(items.some(({ fullName }) => fullName === name));
      assert.equal((await forge.repository(name)).defaultBranch, "main");
    });

    test("opens, changes, reviews and merges a pull request", async () => {
      const { forge, repository } = fixture;
      const opened = await forge.createPullRequest(name, {
        ...newPull,
        labels: ["bug"],
        reviewers: ["grace"],
      });
      assert.deepEqual([opened.state, opened.labels, opened.reviewers], ["open", ["bug"], ["grace"]]);
      assert.equal((await failure(forge.createPullRequest(name, newPull))).code, "refused");
      const { number, headCommit } = opened;
      const changed = await forge.updatePullRequest(name, number, { title: "Better" });
      assert.deepEqual([changed.title, changed.body], ["Better", "Why"]);

      await forge.addComment(name, number, "Looks good");
      const line = { body: "Why?", path: "feature.txt", line: 1, commit: headCommit };
      await forge.addReviewComment(name, number, line);
      assert.deepEqual(
        (await forge.comments(name, number)).items.map(({ body }) => body),
        ["Looks good"],
      );
      const [comment] = (await forge.reviewComments(name, number)).items;
      assert.deepEqual([comment?.path, comment?.line, comment?.commit], ["feature.txt", 1, headCommit]);

      repository.setCheck("test", headCommit, "failure");
      repository.setCheck("lint", headCommit, null);
      const checks = (await forge.checks(name, headCommit)).items.map((check) => [check.name, check.status]);
      assert.deepEqual(checks, [
        ["test", "failure"],
        ["lint", "running"],
      ]);

      const stale = { method: "squash", expectedHead: "0".repeat(40) } as const;
      assert.equal((await failure(forge.mergePullRequest(name, number, stale))).code, "refused");
      const commit = await forge.mergePullRequest(name, number, {
        method: "squash",
        expectedHead: headCommit,
      });
      assert.equal(repository.bare.branches.get("main"), commit);
      const merged = await forge.pullRequest(name, number);
      assert.deepEqual([merged.state, merged.mergeCommit], ["merged", commit]);
      assert.equal(await repository.bare.git(["show", "main:feature.txt"]), "new");
    });

    test("lists issues without pull requests", async () => {
      fixture.repository.addIssue("Broken", { id: 1, login: "ada" });
      const { items } = await fixture.forge.issues(name);
      assert.deepEqual(
        items.map(({ title }) => title),
        ["Broken"],
      );
    });

    test("an unchanged page costs nothing", async () => {
      const { forge, emulator } = fixture;
      const first = await forge.pullRequests(name, {});
      assert.ok(first.isModified && first.etag !== undefined);
      const { remaining } = emulator.rateLimit;
      assert.deepEqual(await forge.pullRequests(name, { etag: first.etag }), { isModified: false });
      assert.equal(emulator.rateLimit.remaining, remaining);
    });

    test("clones and pushes with a credential of git, except to a protected branch", async () => {
      const { forge, repository } = fixture;
      const credential = await forge.gitCredential(name);
      assert.ok(!credential.cloneUrl.includes("@"));
      await git(folder, credential, "clone", "--quiet", credential.cloneUrl, "app");
      const clone = join(folder, "app");
      await git(clone, credential, "switch", "--quiet", "-c", "pushed");
      await git(clone, credential, "commit", "--quiet", "--allow-empty", "-m", "Pushed");
      await git(clone, credential, "push", "--quiet", "origin", "pushed");
      assert.equal(repository.bare.branches.get("pushed"), await git(clone, credential, "rev-parse", "HEAD"));
      await repository.bare.protect("main");
      await assert.rejects(
        git(clone, credential, "push", "--quiet", "origin", "HEAD:main"),
        /protected branch/i,
      );
      if (!credential.isForRepositoryOnly) return;
      const other = credential.cloneUrl.replace("/app.git", "/other.git");
      await assert.rejects(
        git(folder, credential, "clone", "--quiet", other, "other"),
        /Authentication failed/,
      );
    });

    test("refuses a conflict", async () => {
      const { forge, repository } = fixture;
      await repository.bare.commit("conflict", { "same.txt": "theirs\n" }, "Theirs");
      await repository.bare.commit("main", { "same.txt": "ours\n" }, "Ours");
      const { number, headCommit } = await forge.createPullRequest(name, {
        ...newPull,
        headBranch: "conflict",
      });
      assert.equal((await forge.pullRequest(name, number)).isMergeable, false);
      const merge = forge.mergePullRequest(name, number, { method: "merge", expectedHead: headCommit });
      assert.equal((await failure(merge)).code, "refused");
    });

    test("names what is missing, and repeats what failed", async () => {
      const { forge, emulator } = fixture;
      assert.equal((await failure(forge.repository("team/none"))).code, "not_found");
      assert.equal((await failure(forge.repository("team/../app"))).code, "not_found");
      emulator.faults.push({ kind: "answer", answer: { status: 502 } }, { kind: "disconnect" });
      assert.equal((await forge.repository(name)).fullName, name);
      emulator.faults.push(...Array.from({ length: 3 }, () => ({ kind: "disconnect" }) as const));
      assert.equal((await failure(forge.repository(name))).code, "unavailable");
    });

    test("says when the rate limit ends", async () => {
      const { forge, emulator } = fixture;
      emulator.rateLimit.remaining = 0;
      const error = await failure(forge.repository(name));
      assert.equal(error.code, "rate_limited");
      const { retryAt } = error.metadata as { retryAt: number };
      assert.ok(Math.abs(retryAt - emulator.rateLimit.resetAt) <= 1000);
      emulator.rateLimit.remaining = 1000;
      emulator.faults.push({ kind: "answer", answer: { status: 403, headers: { "retry-after": "7" } } });
      assert.equal((await failure(forge.repository(name))).code, "rate_limited");
    });

    test("a revoked credential is an error without the credential", async () => {
      const { forge, emulator, secrets } = fixture;
      await forge.identify();
      const known = secrets();
      assert.ok(known.length > 0);
      const body = { message: `Bad credentials ${known.join(" ")}` };
      const answer = { status: 401, body };
      emulator.faults.push({ kind: "answer", answer }, { kind: "answer", answer });
      const error = await failure(forge.addComment(name, 1, "Hello"));
      assert.match(`${error.code}`, /unauthorized/);
      emulator.faults.length = 0;
      emulator.accounts.tokens.clear();
      for (const { id } of emulator.accounts.installations.values()) emulator.accounts.uninstall(id);
      const gone = await failure(forge.repository(name));
      assert.match(gone.code, /^(unauthorized|not_found)$/);
      for (const secret of known) assert.ok(!`${gone.message}${JSON.stringify(gone)}`.includes(secret));
    });
  });
}

test("an installation's token is renewed when it expires or is revoked", async () => {
  const { forge, emulator } = await githubAsApp();
  await forge.repository(name);
  emulator.accounts.tokens.clear();
  await forge.repository(name);
  emulator.advance(2 * 60 * 60 * 1000);
  await forge.repository(name);
  const renewals = emulator.requests.filter((line) => line.includes("access_tokens"));
  assert.equal(renewals.length, 3);
  await emulator.close();
});

test("lists 10,000 pull requests page by page", async () => {
  const { forge, emulator, repository } = await githubWithToken();
  await repository.fill(10_000, { id: 1, login: "ada" });
  const numbers = new Set<number>();
  for (let page: number | undefined = 1; page !== undefined; ) {
    const answer = await forge.pullRequests(name, { page });
    assert.ok(answer.isModified);
    for (const { number } of answer.items) numbers.add(number);
    page = answer.nextPage;
  }
  assert.equal(numbers.size, 10_000);
  await emulator.close();
});
