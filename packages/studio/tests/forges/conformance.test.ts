/** Conformance of the clients of forges: the same cases for each, against an emulator with real git. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { studioLimits } from "../../src/limits.ts";
import { clients, type ForgeFixture, failure, repositoryName as name, reasonOf } from "./fixture.ts";

const newPull = { title: "Feature", body: "Why", headBranch: "feature", baseBranch: "main" } as const;

for (const [client, start] of Object.entries(clients)) {
  describe(client, () => {
    let fixture: ForgeFixture;
    before(async () => {
      fixture = await start();
    });
    after(() => fixture.emulator.close());

    /** A pull request with a branch and a file of its own. */
    const openPull = async (branch: string, given: { isDraft?: boolean } = {}) => {
      await fixture.repository.bare.commit(branch, { [`${branch}.txt`]: "new\n" }, `Add ${branch}`);
      return fixture.forge.createPullRequest(name, { ...newPull, headBranch: branch, ...given });
    };

    test("identifies itself and lists repositories", async () => {
      const { forge } = fixture;
      assert.match((await forge.identify()).login, /^(ada|holdfast-emulator|project_1_bot_ada)$/);
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
        assignees: ["ada"],
      });
      assert.deepEqual(opened.assignees, ["ada"]);
      assert.deepEqual([opened.state, opened.labels, opened.reviewers], ["open", ["bug"], ["grace"]]);
      assert.equal((await failure(forge.createPullRequest(name, newPull))).code, "refused");
      const { number, headCommit } = opened;
      const changed = await forge.updatePullRequest(name, number, { title: "Better", labels: ["bug", "ui"] });
      assert.deepEqual([changed.title, changed.body, changed.labels], ["Better", "Why", ["bug", "ui"]]);

      await forge.addComment(name, number, "Looks good");
      const line = { body: "Why?", path: "feature.txt", line: 1, commit: headCommit };
      assert.equal((await forge.addReviewComment(name, number, line)).line, 1);
      assert.deepEqual(
        (await forge.comments(name, number)).items.map(({ body }) => body),
        ["Looks good"],
      );
      const [comment] = (await forge.reviewComments(name, number)).items;
      assert.deepEqual([comment?.path, comment?.line, comment?.commit], ["feature.txt", 1, headCommit]);

      const hourAgo = fixture.emulator.now() - 60 * 60 * 1000;
      const recent = (await forge.recentComments(name, hourAgo)).items.filter(
        (each) => each.number === number,
      );
      assert.ok(recent.some((each) => each.comment.body === "Looks good"));
      assert.ok(recent.every((each) => each.isOnPullRequest !== false));
      assert.ok(recent.every((each) => each.comment.editedAt === undefined));

      const commit = await forge.mergePullRequest(name, number, {
        ...{ method: "squash", expectedHead: headCommit },
      });
      assert.equal(repository.bare.branches.get("main"), commit);
      const merged = await forge.pullRequest(name, number);
      assert.deepEqual([merged.state, merged.mergeCommit], ["merged", commit]);
      assert.equal(await repository.bare.git(["show", "main:feature.txt"]), "new");
      const again = forge.mergePullRequest(name, number, { method: "squash", expectedHead: headCommit });
      assert.equal(reasonOf(await failure(again)), "merged");
    });

    test("closes and reopens, and names what somebody else has closed", async () => {
      const { forge, repository } = fixture;
      const { number, headCommit } = await openPull("closing");
      assert.equal((await forge.updatePullRequest(name, number, { state: "closed" })).state, "closed");
      assert.equal((await forge.updatePullRequest(name, number, { state: "open" })).state, "open");
      const hosted = repository.pullRequests.get(number);
      assert.ok(hosted !== undefined);
      repository.updatePullRequest(hosted, { state: "closed" });
      const merge = { method: "merge", expectedHead: headCommit } as const;
      const error = await failure(forge.mergePullRequest(name, number, merge));
      assert.deepEqual([error.code, reasonOf(error)], ["refused", "closed"]);
      assert.match(error.message, /Open it again/);
      assert.equal((await forge.pullRequest(name, number)).state, "closed");
    });

    test("finds the open pull request of a branch, and no other", async () => {
      const { forge, repository } = fixture;
      const { number } = await openPull("found");
      await openPull("found-not");
      assert.equal((await forge.openPullRequestOf(name, "found"))?.number, number);
      assert.equal(await forge.openPullRequestOf(name, "nowhere"), undefined);
      const hosted = repository.pullRequests.get(number);
      assert.ok(hosted !== undefined);
      repository.updatePullRequest(hosted, { state: "closed" });
      assert.equal(await forge.openPullRequestOf(name, "found"), undefined);
    });

    test("keeps a draft, and refuses to merge it", async () => {
      const { forge } = fixture;
      const { number, headCommit, isDraft, title } = await openPull("draft", { isDraft: true });
      assert.deepEqual([isDraft, title], [true, "Feature"]);
      const changed = await forge.updatePullRequest(name, number, { title: "Still one" });
      assert.deepEqual([changed.isDraft, changed.title], [true, "Still one"]);
      const merge = { method: "merge", expectedHead: headCommit } as const;
      assert.equal(reasonOf(await failure(forge.mergePullRequest(name, number, merge))), "draft");
      const ready = await forge.updatePullRequest(name, number, { isDraft: false, assignees: ["grace"] });
      assert.deepEqual([ready.isDraft, ready.title, ready.assignees], [false, "Still one", ["grace"]]);
      const both = await forge.updatePullRequest(name, number, { isDraft: true, assignees: ["ada"] });
      assert.deepEqual([both.isDraft, both.title, both.assignees], [true, "Still one", ["grace", "ada"]]);
    });

    test("names the people and the labels that there are", async () => {
      const { forge } = fixture;
      assert.deepEqual([...(await forge.people(name)).items].sort(), ["ada", "grace"]);
      assert.ok((await forge.labels(name)).items.includes("bug"));
    });

    test("refuses to merge other commits than those that were reviewed", async () => {
      const { forge, repository } = fixture;
      const { number, headCommit } = await openPull("moving");
      await repository.bare.commit("moving", { "more.txt": "more\n" }, "More");
      const hosted = repository.pullRequests.get(number);
      assert.ok(hosted !== undefined);
      hosted.headCommit = repository.bare.branches.get("moving") ?? "";
      const merge = { method: "squash", expectedHead: headCommit } as const;
      const error = await failure(forge.mergePullRequest(name, number, merge));
      assert.equal(reasonOf(error), "head_moved");
      assert.match(error.message, /Review them/);
    });

    test("refuses a conflict and says how to resolve it", async () => {
      const { forge, repository } = fixture;
      await repository.bare.commit("conflict", { "same.txt": "theirs\n" }, "Theirs");
      await repository.bare.commit("main", { "same.txt": "ours\n" }, "Ours");
      const { number, headCommit } = await forge.createPullRequest(name, {
        ...newPull,
        headBranch: "conflict",
      });
      assert.equal((await forge.pullRequest(name, number)).isMergeable, false);
      const merge = forge.mergePullRequest(name, number, { method: "merge", expectedHead: headCommit });
      const error = await failure(merge);
      assert.equal(reasonOf(error), "conflict");
      assert.match(error.message, /Merge main into conflict/);
    });

    test("reads checks and reports statuses", async () => {
      const { forge, repository } = fixture;
      const commit = repository.bare.branches.get("main") ?? "";
      repository.setCheck("test", commit, "failure");
      repository.setCheck("lint", commit, null);
      await forge.setStatus(name, commit, { name: "holdfast", status: "running" });
      await forge.setStatus(name, commit, {
        ...{ name: "holdfast", status: "success", webUrl: "https://studio.example/tasks/1" },
      });
      const { items } = await forge.checks(name, commit);
      assert.deepEqual(
        items.map((check) => [check.name, check.status]),
        [
          ["test", "failure"],
          ["lint", "running"],
          ["holdfast", "success"],
        ],
      );
      assert.equal(items.at(-1)?.webUrl, "https://studio.example/tasks/1");
    });

    test("lists branches and issues without pull requests", async () => {
      const { forge, repository } = fixture;
      await repository.bare.protect("main");
      const branches = await forge.branches(name, {});
      assert.ok(branches.isModified);
      const main = branches.items.find((branch) => branch.name === "main");
      assert.deepEqual(main, {
        ...{ name: "main", commit: repository.bare.branches.get("main"), isProtected: true },
      });
      const { number } = repository.addIssue("Broken", { id: 1, login: "ada" });
      const { items } = await forge.issues(name);
      assert.deepEqual(
        items.map(({ title }) => title),
        ["Broken"],
      );
      assert.deepEqual(await forge.issue(name, number), items[0]);
      assert.equal((await failure(forge.issue(name, 9_999))).code, "not_found");
      // GitLab counts the two apart.
      const pull = [...repository.pullRequests.keys()].find((each) => each !== number);
      if (pull !== undefined) assert.equal((await failure(forge.issue(name, pull))).code, "not_found");
    });

    test("pages of a list are complete, and unchanged ones are not read again", async () => {
      const { forge, repository } = fixture;
      const before = repository.pullRequests.size;
      await repository.fill(230, { id: 1, login: "ada" });
      const seen = new Map<number, string | undefined>();
      const numbers: number[] = [];
      for (let page: number | undefined = 1; page !== undefined; ) {
        const answer = await forge.pullRequests(name, { page });
        assert.ok(answer.isModified);
        seen.set(page, answer.etag);
        numbers.push(...answer.items.map(({ number }) => number));
        page = answer.nextPage;
      }
      assert.equal(numbers.length, before + 230);
      assert.deepEqual(
        numbers,
        [...new Set(numbers)].sort((left, right) => left - right),
      );
      assert.ok(seen.size > 2);
      for (const [page, etag] of seen) {
        const again = await forge.pullRequests(name, { page, ...(etag === undefined ? {} : { etag }) });
        assert.equal(again.isModified, false);
      }
      // A new one changes the last page only.
      await openPull("latest");
      const changed: number[] = [];
      for (const [page, etag] of seen) {
        const again = await forge.pullRequests(name, { page, ...(etag === undefined ? {} : { etag }) });
        if (again.isModified) changed.push(page);
      }
      assert.deepEqual(changed, [seen.size]);
    });

    test("names what is missing, and repeats what failed", async () => {
      const { forge, emulator } = fixture;
      assert.equal((await failure(forge.repository("team/none"))).code, "not_found");
      assert.equal((await failure(forge.repository("team/../app"))).code, "not_found");
      emulator.faults.push({ kind: "answer", answer: { status: 502 } }, { kind: "disconnect" });
      assert.equal((await forge.repository(name)).fullName, name);
      emulator.faults.push(...Array.from({ length: 3 }, () => ({ kind: "disconnect" }) as const));
      assert.equal((await failure(forge.repository(name))).code, "unavailable");
      // What changes something is sent once: it may have worked.
      const { length } = emulator.requests;
      emulator.faults.push({ kind: "answer", answer: { status: 503 } });
      assert.equal((await failure(forge.addComment(name, 1, "Hello"))).code, "unavailable");
      assert.equal(emulator.requests.length, length + 1);
    });

    test("says when the rate limit ends, at most an hour ahead", async () => {
      const { forge, emulator } = fixture;
      emulator.rateLimit.remaining = 0;
      const error = await failure(forge.repository(name));
      assert.equal(error.code, "rate_limited");
      const retryAtOf = ({ metadata }: { metadata?: unknown }) => (metadata as { retryAt: number }).retryAt;
      assert.ok(Math.abs(retryAtOf(error) - emulator.rateLimit.resetAt) <= 1_000);
      emulator.rateLimit.remaining = 1_000;
      const headers = { "retry-after": "999999999" };
      emulator.faults.push({ kind: "answer", answer: { status: 429, headers } });
      const late = await failure(forge.repository(name));
      assert.ok(retryAtOf(late) <= emulator.now() + studioLimits.maxForgeRateWaitMs);
    });

    test("access that is removed in the middle is an error without the credential", async () => {
      const { forge, emulator, secrets, revoke } = fixture;
      const first = await forge.pullRequests(name, {});
      assert.ok(first.isModified && first.nextPage !== undefined);
      emulator.faults.push({ kind: "echo_credential" }, { kind: "echo_credential" });
      const refused = await failure(forge.addComment(name, 1, "Hello"));
      assert.equal(refused.code, "unauthorized");
      assert.match(refused.message, /Bad credentials/);
      emulator.faults.length = 0;
      const known = secrets();
      assert.ok(known.length > 0);
      revoke();
      const gone = await failure(forge.pullRequests(name, { page: first.nextPage }));
      assert.match(gone.code, /^(unauthorized|not_found)$/);
      assert.match(gone.message, /connect again|Check its name|Install it again/);
      for (const error of [refused, gone])
        for (const secret of known) assert.ok(!`${error.message}${JSON.stringify(error)}`.includes(secret));
    });
  });
}
