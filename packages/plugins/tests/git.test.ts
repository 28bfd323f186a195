/** Git, as an agent's calls reach it: the real gate and its proxy, git itself, and git's own server. */
import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { startGitServer } from "@holdfast/testing/git-server";
import { openGitGate } from "./git-gate.ts";

const token = "ghs_of_one_repository_1234567890";

const old = new Date(Date.now() - 3_600_000);
const killed = ["0123456789abcdef", "fedcba9876543210"].map((id) => `.holdfast-${id}.tmp`);

/** A folder that was filled up to its middle. */
function leave(folder: string, name: string, at: Date): string {
  const path = join(folder, name);
  mkdirSync(join(path, "sub"), { recursive: true });
  writeFileSync(join(path, "sub", "file"), "half");
  utimesSync(path, at, at);
  return path;
}

test("git", async (t) => {
  const server = await startGitServer({
    password: token,
    repositories: ["acme/app", "acme/docs", "acme/hidden"],
  });
  t.after(() => server.close());
  const repositories = [
    { path: "acme/app", push: true, credential: "GIT_TOKEN" },
    { path: "acme/docs", credential: "GIT_TOKEN" },
  ];
  const {
    dataDir,
    work,
    gate,
    call: callOf,
  } = await openGitGate(t, {
    git: { baseUrl: server.url, repositories },
    credentials: { GIT_TOKEN: token },
    before: (shared) => void killed.map((name) => leave(shared, name, old)),
  });
  const call = (name: string, args: Record<string, unknown> = {}) =>
    callOf(name, { repository: "acme/app", folder: "work", ...args });
  const push = { base: "main", branch: "change", path: "app", message: "Change\n\nAll of it" };

  await t.test("takes away at its start what a fetch that was killed has left", async () => {
    assert.equal(readdirSync(work).length, killed.length);
    await call("branches");
    assert.deepEqual(readdirSync(work), []);
  });

  await t.test("gives the files of a branch, without a history that could be written to", async () => {
    assert.match(await call("branches"), /^\{"branches":\[\{"name":"main","commit":"[0-9a-f]{40}"\}\]\}$/);
    assert.match(await call("fetch", { branch: "main", path: "app" }), /"files":1/);
    assert.deepEqual(readdirSync(join(work, "app")), ["README.md"]);
    assert.match(await call("fetch", { branch: "main", path: "app" }), /not empty/);
    assert.match(await call("fetch", { branch: "nowhere", path: "other" }), /"NOT_FOUND"/);
    for (const folder of ["elsewhere", "constructor", "__proto__"])
      assert.match(
        await call("fetch", { branch: "main", folder, path: "x" }),
        /No such shared folder. Available: work/,
      );
  });

  await t.test("pushes what lies in the folder as one commit, and never by force", async () => {
    assert.match(await call("push", push), /"NOTHING_TO_PUSH"/);
    writeFileSync(join(work, "app", "README.md"), "# mine\n");
    writeFileSync(join(work, "app", "new.txt"), "new\n");
    assert.match(
      await call("push", push),
      /"branch":"change","changed":2,"files":\["M README\.md","A new\.txt"\]/,
    );
    assert.equal(server.git("acme/app", "show", "change:new.txt"), "new");
    assert.equal(
      server.git("acme/app", "log", "-1", "--format=%an <%ae> %s", "change"),
      "Ada <ada@example.com> Change",
    );
    assert.equal(server.git("acme/app", "rev-parse", "change^"), server.git("acme/app", "rev-parse", "main"));
    // From the old base again: the branch has gone on.
    writeFileSync(join(work, "app", "new.txt"), "newer\n");
    assert.match(await call("push", push), /"NOT_FAST_FORWARD"/);
    assert.match(await call("push", { ...push, base: "change" }), /"changed":1/);
    // Whoever named a base that is not there is told of that, and not of the branch.
    for (const [base, field] of [
      ["nowhere", "base"],
      ["a..b", "base"],
      ["", "branch"],
    ])
      assert.match(
        await call("push", { ...push, branch: "none-yet", base }),
        new RegExp(`"field":"${field}"`),
      );
    assert.equal(server.git("acme/app", "rev-list", "--count", "change"), "3");
  });

  await t.test("goes to the named repositories alone, and writes where the operator lets it", async () => {
    assert.match(await call("branches", { repository: "acme/docs" }), /"main"/);
    for (const repository of [
      "acme/hidden",
      "acme/../acme/hidden",
      "acme/app.git",
      "-x",
      "https://a.example/b",
      "",
    ])
      assert.match(
        await call("branches", { repository }),
        /REPOSITORY_NOT_ALLOWED|"field":"repository"/,
        repository,
      );
    assert.match(await call("push", { ...push, repository: "acme/docs" }), /REPOSITORY_NOT_ALLOWED/);
    assert.ok(!server.requests.some((each) => each.includes("hidden") || each.endsWith("false")));
    for (const branch of ["--upload-pack=x", "a..b", "a:b", "+a", "refs/*", "a b", "x.lock", ""])
      assert.match(await call("push", { ...push, branch }), /"field":"branch"/, branch);
  });

  await t.test("goes on after a git that was killed in the midst of its work", async () => {
    const repositories = join(dataDir, "gate", "plugins", "git", "data", "repositories");
    const [name = ""] = readdirSync(repositories).filter((each) =>
      existsSync(join(repositories, each, "refs", "remotes", "host", "change")),
    );
    const repository = join(repositories, name);
    const left = ["refs/remotes/host/change.lock", "packed-refs.lock", "objects/pack/tmp_pack_x", "index-x"];
    for (const path of left) {
      writeFileSync(join(repository, path), "");
      utimesSync(join(repository, path), old, old);
    }
    const newest = server.git("acme/app", "rev-parse", "change");
    server.git("acme/app", "update-ref", "refs/heads/change", "main");
    assert.match(await call("fetch", { branch: "change", path: "after" }), /"files":1/);
    for (const path of left) assert.equal(existsSync(join(repository, path)), false, path);
    server.git("acme/app", "update-ref", "refs/heads/change", newest);
  });

  await t.test(
    "leaves nothing of a fetch that fails in its midst, so that it can be asked for again",
    async () => {
      const git = (...args: string[]) => server.git("acme/app", ...args);
      git("read-tree", "main");
      const blob = git("rev-parse", "main:README.md");
      // A name that no file system takes comes after those that are written.
      git("update-index", "--add", "--cacheinfo", `100644,${blob},${"z".repeat(300)}`);
      git("update-ref", "refs/heads/long", git("commit-tree", "-m", "long", git("write-tree")));
      const before = readdirSync(work);
      await assert.rejects(call("fetch", { branch: "long", path: "broken" }));
      assert.deepEqual(readdirSync(work), before);
      assert.match(await call("fetch", { branch: "main", path: "broken" }), /"files":1/);
      assert.deepEqual(readdirSync(join(work, "broken")), ["README.md"]);
      mkdirSync(join(work, "made"));
      assert.match(await call("fetch", { branch: "main", path: "made" }), /"files":1/);
    },
  );

  await t.test(
    "takes away what a fetch that was killed has left, at the next fetch, and nothing else",
    async () => {
      const deep = join(work, "deep");
      const left = killed.map((name) => leave(deep, name, old));
      const kept = [
        // One that is being filled, and what is of somebody else.
        leave(deep, ".holdfast-00000000000000aa.tmp", new Date()),
        leave(deep, ".holdfast-of-mine.tmp", old),
        join(deep, ".holdfast-00000000000000bb.tmp"),
      ];
      writeFileSync(kept[2] ?? "", "a file that another plugin writes");
      utimesSync(kept[2] ?? "", old, old);
      assert.match(await call("fetch", { branch: "main", path: "deep/app" }), /"files":1/);
      assert.deepEqual(
        left.filter((path) => existsSync(path)),
        [],
      );
      assert.deepEqual(
        kept.filter((path) => existsSync(path)),
        kept,
      );
      rmSync(deep, { recursive: true });
    },
  );

  await t.test("follows no link and reads no repository of the agent's making", async () => {
    symlinkSync(join(dataDir, "credentials"), join(work, "link"));
    for (const path of ["link", "link/plugins", "..", "a/../..", "/etc", ".git", "app/.git"])
      assert.match(await call("push", { ...push, path }), /"field":"path"/, path);
    const evil = join(work, "app", "deep");
    mkdirSync(join(evil, ".git", "hooks"), { recursive: true });
    assert.match(await call("push", { ...push, base: "change" }), /contains a git repository/);
    rmSync(evil, { recursive: true });
    // Filters and links are content here, and nothing is run or followed.
    writeFileSync(join(work, "app", ".gitattributes"), "* filter=evil\n");
    writeFileSync(join(work, "app", ".gitconfig"), `[filter "evil"]\n\tclean = touch ${work}/run\n`);
    symlinkSync("/etc/passwd", join(work, "app", "passwd"));
    assert.match(await call("push", { ...push, base: "" }), /"changed":3/);
    assert.equal(server.git("acme/app", "show", "change:passwd"), "/etc/passwd");
    assert.equal(existsSync(join(work, "run")), false);
    assert.match(await call("fetch", { branch: "change", path: "again" }), /"files":5/);
    assert.equal(readFileSync(join(work, "again", "passwd"), "utf8"), "/etc/passwd");
  });

  await t.test("asks a person before a push, and its answers taint", () => {
    assert.deepEqual(
      gate.plugins
        .tools()
        .filter((each) => each.plugin === "git")
        .map(({ name, riskLevel, untrusted }) => `${name} ${riskLevel} ${untrusted}`),
      ["git_branches low true", "git_fetch low true", "git_push high true"],
    );
  });
});
