import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { applyTree, branchName, requireBranchName } from "../src/git/apply.ts";
import { diffTrees } from "../src/git/diff.ts";
import { createGit } from "../src/git/git.ts";
import { prepareRepository } from "../src/git/prepare.ts";
import { checkRepository, requireClean } from "../src/git/repository.ts";
import { studioLimits } from "../src/limits.ts";

const root = mkdtempSync(join(tmpdir(), "holdfast-git-"));
after(() => rmSync(root, { recursive: true, force: true }));
const git = createGit(join(root, "config"));
let counter = 0;

function folder(name = "repository"): string {
  const path = join(root, `${counter++}`, name);
  mkdirSync(path, { recursive: true });
  return path;
}

/** The user's own git, as on their command line. */
function sh(cwd: string, ...args: string[]): string {
  const identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"];
  const env = {
    PATH: process.env.PATH,
    HOME: root,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: "/dev/null",
  };
  return execFileSync("git", [...identity, ...args], {
    cwd,
    env,
    encoding: "utf8",
    stdio: ["pipe", "pipe", "pipe"],
  }).trimEnd();
}

function setVariable(name: string, value: string | undefined): void {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}

function repository(files: Readonly<Record<string, string>> = { "a.txt": "one\n" }, name?: string): string {
  const path = folder(name);
  sh(path, "init", "-q", "-b", "main");
  write(path, files);
  sh(path, "add", "-A");
  sh(path, "commit", "-q", "-m", "first");
  return path;
}

function write(path: string, files: Readonly<Record<string, string>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(path, name, ".."), { recursive: true });
    writeFileSync(join(path, name), content);
  }
}

/** Replaces the jail's snapshot: writes the tree of the complete working tree to the host's clone. */
function writeWorkspaceTree(taskDirectory: string): string {
  const env = {
    PATH: process.env.PATH,
    GIT_DIR: join(taskDirectory, "host.git"),
    GIT_WORK_TREE: join(taskDirectory, "workspace"),
    GIT_INDEX_FILE: join(taskDirectory, "test-index"),
  };
  execFileSync("git", ["add", "-A"], { cwd: env.GIT_WORK_TREE, env });
  return execFileSync("git", ["write-tree"], { cwd: env.GIT_WORK_TREE, env, encoding: "utf8" }).trim();
}

function state(path: string): string {
  return [
    sh(path, "status", "--porcelain", "--branch"),
    sh(path, "rev-parse", "HEAD"),
    sh(path, "symbolic-ref", "HEAD"),
    readFileSync(join(path, ".git", "index")).toString("base64"),
    sh(path, "stash", "list"),
    readdirSync(join(path, ".git")).sort().join(),
  ].join("\n");
}

test("without git, the error names the command that installs it", async () => {
  await assert.rejects(git.text(["--version"], { env: { PATH: folder("empty") } }), {
    group: "git",
    code: "missing",
    message: /Run: sudo apt-get install --yes git$/,
  });
});

describe("checking a repository", () => {
  const cases: readonly [code: string, make: () => string][] = [
    ["not_found", () => join(root, "absent")],
    ["invalid_path", () => "relative/path"],
    ["invalid_path", () => `${root}\0`],
    ["not_a_repository", () => folder()],
    ["not_a_repository", () => join(repository(), "a.txt")],
    [
      "bare",
      () => {
        const path = folder();
        sh(path, "init", "-q", "--bare");
        return path;
      },
    ],
    [
      "empty",
      () => {
        const path = folder();
        sh(path, "init", "-q");
        return path;
      },
    ],
  ];
  for (const [code, make] of cases) {
    test(`reports repository.${code}`, async () => {
      await assert.rejects(checkRepository(git, make()), (error) => isErrorCode(error, "repository", code));
    });
  }

  test("reports repository.unreadable if permissions or damage prevent reading", async () => {
    const broken = repository();
    writeFileSync(join(broken, ".git", "index"), "this is no index");
    await assert.rejects(checkRepository(git, broken), (error) =>
      isErrorCode(error, "repository", "unreadable"),
    );
    // Root ignores permissions.
    if (process.getuid?.() === 0) return;
    const closed = repository();
    chmodSync(join(closed, ".git"), 0);
    try {
      await assert.rejects(checkRepository(git, closed), (error) =>
        isErrorCode(error, "repository", "unreadable"),
      );
    } finally {
      chmodSync(join(closed, ".git"), 0o700);
    }
  });

  test("reports branch, commit and state, and accepts paths with blanks, emoji and line ends", async () => {
    const path = repository({ "a.txt": "one\n" }, 'a "b" 🐳\nline:$(id)');
    const check = await checkRepository(git, path);
    assert.deepEqual(check, { path, branch: "main", commit: sh(path, "rev-parse", "HEAD"), dirty: false });
    write(path, { "new file": "x" });
    const dirty = await checkRepository(git, path);
    assert.equal(dirty.dirty, true);
    assert.throws(
      () => requireClean(dirty, false),
      (error) => isErrorCode(error, "repository", "dirty"),
    );
    requireClean(dirty, true);
  });

  test("globally ignored files are no change", async (t) => {
    const { HOME, XDG_CONFIG_HOME } = process.env;
    t.after(() => {
      setVariable("HOME", HOME);
      setVariable("XDG_CONFIG_HOME", XDG_CONFIG_HOME);
    });
    const home = folder("home");
    setVariable("HOME", home);
    setVariable("XDG_CONFIG_HOME", undefined);
    const path = repository();
    write(path, { ".DS_Store": "x" });
    assert.equal((await checkRepository(git, path)).dirty, true);
    write(home, { ".config/git/ignore": ".DS_Store\n" });
    assert.equal((await checkRepository(git, path)).dirty, false);
    write(home, { ".gitconfig": "[core]\n\texcludesFile = ~/everywhere\n", everywhere: "*.swp\n" });
    assert.equal((await checkRepository(git, path)).dirty, true, "the file that is named stands alone");
    write(home, { everywhere: ".DS_Store\n" });
    assert.equal((await checkRepository(git, path)).dirty, false);
    write(path, { "b.txt": "two\n" });
    assert.equal((await checkRepository(git, path)).dirty, true);
  });

  test("finds the top from a folder inside, and reports a detached HEAD", async () => {
    const path = repository({ "src/a.txt": "one\n" });
    sh(path, "checkout", "-q", "--detach");
    const check = await checkRepository(git, join(path, "src"));
    assert.equal(check.path, path);
    assert.equal(check.branch, "");
  });

  test("runs no hook, no file system monitor and no filter of the repository", async () => {
    const path = repository({ "a.txt": "one\n", ".gitattributes": "*.txt filter=evil\n" });
    const proof = join(path, "..", "proof");
    const script = join(path, "..", "evil.sh");
    writeFileSync(script, `#!/bin/sh\ntouch '${proof}'\ncat\n`, { mode: 0o755 });
    for (const [key, value] of [
      ["core.fsmonitor", script],
      ["filter.evil.clean", script],
      ["filter.evil.smudge", script],
      ["filter.evil.required", "true"],
      ["core.sshCommand", script],
      ["core.pager", script],
      ["diff.external", script],
      ["uploadpack.packObjectsHook", script],
    ] as const) {
      sh(path, "config", key, value);
    }
    for (const hook of ["post-checkout", "reference-transaction", "pre-commit", "post-index-change"]) {
      writeFileSync(join(path, ".git", "hooks", hook), `#!/bin/sh\ntouch '${proof}'\n`, { mode: 0o755 });
    }
    // Same size but another time: git must compare the content.
    writeFileSync(join(path, "a.txt"), "two\n");
    const check = await checkRepository(git, path);
    assert.equal(check.dirty, true);
    const task = folder("task");
    const prepared = await prepareRepository(git, task, async () => check);
    writeFileSync(join(prepared.workspace, "a.txt"), "three\n");
    await applyTree(git, prepared.hostGit, path, {
      tree: writeWorkspaceTree(task),
      base: prepared.base.commit,
      branch: "holdfast/x",
      message: "x",
      at: 0,
    });
    assert.equal(existsSync(proof), false);
  });
});

describe("preparing", () => {
  test("clones the last commit without remotes, host paths, hard links or unreachable objects", async () => {
    const path = repository({ "a.txt": "one\n" }, "the real repository");
    const secret = execFileSync("git", ["hash-object", "-w", "--stdin"], {
      cwd: path,
      input: "secret",
      encoding: "utf8",
    }).trim();
    sh(path, "config", "user.name", "Grace");
    sh(path, "remote", "add", "origin", "https://user:token@example.org/x.git");
    const task = folder("task");
    const prepared = await prepareRepository(git, task, () => checkRepository(git, path));
    assert.equal(prepared.base.commit, sh(path, "rev-parse", "HEAD"));
    assert.equal(prepared.base.branch, "main");
    assert.equal(sh(prepared.workspace, "status", "--porcelain"), "");
    assert.equal(sh(prepared.workspace, "config", "--local", "user.name"), "Grace");
    assert.equal(sh(prepared.workspace, "remote"), "");
    assert.equal(readFileSync(join(prepared.workspace, "a.txt"), "utf8"), "one\n");
    assert.throws(() => sh(prepared.hostGit, "cat-file", "-e", secret));
    const leak = spawnSync("grep", ["-raF", "-e", "the real repository", "-e", "token", task], {
      encoding: "utf8",
    });
    assert.equal(leak.stdout, "");
  });

  test("is idempotent, and starts over after a crash in the middle", async () => {
    const path = repository();
    const task = folder("task");
    const check = await checkRepository(git, path);
    mkdirSync(join(task, "prepare-x1", "workspace"), { recursive: true });
    mkdirSync(join(task, "host.git"));
    const first = await prepareRepository(git, task, async () => check);
    assert.deepEqual(readdirSync(task).sort(), ["host.git", "workspace"]);
    write(first.workspace, { "kept.txt": "agent's work\n" });
    write(path, { "later.txt": "later\n" });
    sh(path, "add", "-A");
    sh(path, "commit", "-q", "-m", "later");
    const second = await prepareRepository(git, task, async () => check);
    assert.deepEqual(second, first);
    assert.equal(existsSync(join(first.workspace, "kept.txt")), true);
  });

  test("is not disturbed by an orphaned git process of a killed server", async () => {
    const path = repository();
    const task = folder("task");
    const prepared = await prepareRepository(git, task, async () => {
      const begunBefore = join(task, "prepare.partial");
      mkdirSync(begunBefore, { recursive: true });
      writeFileSync(join(begunBefore, "host.git"), "half of something");
      return checkRepository(git, path);
    });
    assert.equal(readFileSync(join(prepared.workspace, "a.txt"), "utf8"), "one\n");
  });

  test("clones a repository with SHA-256 object names, and applies to it", async () => {
    const path = folder();
    sh(path, "init", "-q", "-b", "main", "--object-format=sha256");
    write(path, { "a.txt": "one\n" });
    sh(path, "add", "-A");
    sh(path, "commit", "-q", "-m", "first");
    const task = folder("task");
    const { workspace, hostGit, base } = await prepareRepository(git, task, () => checkRepository(git, path));
    assert.equal(base.commit, sh(path, "rev-parse", "HEAD"));
    write(workspace, { "a.txt": "two\n" });
    const tree = writeWorkspaceTree(task);
    const { files } = await diffTrees(git, hostGit, base.commit, tree);
    assert.deepEqual(
      files.map(({ path: name, status }) => [name, status]),
      [["a.txt", "modified"]],
    );
    const plan = { tree, base: base.commit, branch: "holdfast/two", message: "Two\n", at: 0 };
    const applied = await applyTree(git, hostGit, path, plan);
    assert.equal(sh(path, "show", `${applied.branch}:a.txt`), "two");
    assert.deepEqual(await applyTree(git, hostGit, path, plan), applied);
    const next = await applyTree(git, hostGit, path, { ...plan, at: 1_000 });
    assert.equal(next.branch, "holdfast/two-2");
  });

  test("clones a shallow repository, and one without a branch", async () => {
    const origin = repository();
    write(origin, { "b.txt": "two\n" });
    sh(origin, "add", "-A");
    sh(origin, "commit", "-q", "-m", "second");
    const path = folder();
    sh(path, "clone", "-q", "--depth", "1", `file://${origin}`, "clone");
    const clone = join(path, "clone");
    sh(clone, "checkout", "-q", "--detach");
    const prepared = await prepareRepository(git, folder("task"), () => checkRepository(git, clone));
    assert.equal(readFileSync(join(prepared.workspace, "b.txt"), "utf8"), "two\n");
  });
});

describe("the diff", () => {
  test("lists committed, staged, unstaged and untracked changes, with renames and marks", async () => {
    const long = Array.from({ length: 40 }, (_, i) => `line ${i}`).join("\n");
    const path = repository({
      "kept.txt": "one\ntwo\n",
      "gone.txt": "x\n",
      "old name.txt": long,
      "tab\tand\nline.txt": "a\n",
      "link.txt": "was a file\n",
    });
    const task = folder("task");
    const { workspace, hostGit, base } = await prepareRepository(git, task, () => checkRepository(git, path));
    write(workspace, { "kept.txt": "one\ndiff --git a/x b/x\n", "new.bin": "\0\x01", Makefile: "all:\n" });
    sh(workspace, "mv", "old name.txt", "new name.txt");
    sh(workspace, "rm", "-q", "gone.txt");
    sh(workspace, "commit", "-q", "-m", "agent's own commit");
    write(workspace, { "tab\tand\nline.txt": "b\n" });
    sh(workspace, "rm", "-q", "-f", "link.txt");
    execFileSync("ln", ["-s", "kept.txt", join(workspace, "link.txt")]);
    const diff = await diffTrees(git, hostGit, base.commit, writeWorkspaceTree(task));
    const seen = diff.files.map((f) => [
      f.path,
      f.oldPath,
      f.status,
      f.additions,
      f.deletions,
      f.binary,
      f.runsOnYourMachine,
    ]);
    assert.deepEqual(seen, [
      ["Makefile", undefined, "added", 1, 0, false, true],
      ["gone.txt", undefined, "deleted", 0, 1, false, false],
      ["kept.txt", undefined, "modified", 1, 1, false, false],
      ["link.txt", undefined, "type-changed", 1, 1, false, true],
      ["new name.txt", "old name.txt", "renamed", 0, 0, false, false],
      ["new.bin", undefined, "added", 0, 0, true, false],
      ["tab\tand\nline.txt", undefined, "modified", 1, 1, false, false],
    ]);
    assert.equal(diff.truncated, false);
    assert.match(diff.files[2]?.patch ?? "", /^diff --git a\/kept.txt[\s\S]*\n\+diff --git a\/x b\/x\n$/);
    assert.match(diff.files[3]?.patch ?? "", /-was a file[\s\S]*diff --git a\/link.txt[\s\S]*\+kept.txt/);
    assert.match(diff.files[6]?.patch ?? "", /-a\n\+b\n$/);
  });

  test("names the content of each file: another name after a change of its bytes or its mode, the same after an undo", async () => {
    const path = repository({ "a.txt": "one\n" });
    const task = folder("task");
    const { workspace, hostGit, base } = await prepareRepository(git, task, () => checkRepository(git, path));
    const contentId = async () => {
      const { files } = await diffTrees(git, hostGit, base.commit, writeWorkspaceTree(task));
      return files.find((file) => file.path === "a.txt")?.contentId;
    };
    write(workspace, { "a.txt": "two\n" });
    const two = await contentId();
    write(workspace, { "a.txt": "three\n" });
    const three = await contentId();
    sh(workspace, "mv", "a.txt", "b.txt");
    const gone = await contentId();
    write(workspace, { "a.txt": "two\n" });
    execFileSync("chmod", ["+x", join(workspace, "a.txt")]);
    const executable = await contentId();
    execFileSync("chmod", ["-x", join(workspace, "a.txt")]);
    const undone = await contentId();
    assert.equal(new Set([two, three, gone, executable]).size, 4);
    assert.equal(undone, two);
    assert.match(two ?? "", /^[\w-]{27}$/);
  });

  test("omits a patch above the limit with a flag, and keeps the others complete", async () => {
    const path = repository();
    const task = folder("task");
    const { workspace, hostGit, base } = await prepareRepository(git, task, () => checkRepository(git, path));
    write(workspace, {
      "a.big": "0123456789abcde\n".repeat(studioLimits.maxPatchBytes / 16),
      "b.txt": "small\n",
    });
    const diff = await diffTrees(git, hostGit, base.commit, writeWorkspaceTree(task));
    assert.equal(diff.truncated, true);
    const [big, small] = diff.files;
    assert.deepEqual([big?.patch, big?.additions], ["", studioLimits.maxPatchBytes / 16]);
    assert.match(small?.patch ?? "", /\+small\n$/);
  });
});

describe("a diff that is too long for one response", () => {
  test("omits the longest patches with a flag, and keeps the list", async () => {
    const path = repository();
    const task = folder("task");
    const { workspace, hostGit, base } = await prepareRepository(git, task, () => checkRepository(git, path));
    const quotes = '"'.repeat(62);
    for (let n = 10; n < 20; n++) write(workspace, { [`big-${n}.txt`]: `${quotes}\n`.repeat(2_000 + n) });
    write(workspace, { "small.txt": "small\n" });
    const diff = await diffTrees(git, hostGit, base.commit, writeWorkspaceTree(task));
    assert.ok(Buffer.byteLength(JSON.stringify(diff)) <= studioLimits.maxDiffMessageBytes);
    assert.equal(diff.truncated, true);
    assert.equal(diff.files.length, 11);
    assert.equal(diff.files.find((file) => file.path === "big-19.txt")?.patch, "");
    assert.match(diff.files.at(-1)?.patch ?? "", /\+small/);
    assert.ok(diff.files.filter((file) => file.patch !== "").length > 2);
  });
});

describe("applying", () => {
  async function changed(files: Readonly<Record<string, string>> = { "a.txt": "changed\n" }) {
    const path = repository();
    const task = folder("task");
    const prepared = await prepareRepository(git, task, () => checkRepository(git, path));
    write(prepared.workspace, files);
    const plan = {
      tree: writeWorkspaceTree(task),
      base: prepared.base.commit,
      branch: await branchName(git, path, "Fix: the Test! ünd so"),
      message: "Fix the test\n",
      at: 1_700_000_000_000,
    };
    return { path, task, prepared, plan };
  }

  test("creates one branch and changes nothing else, however often it runs", async () => {
    const { path, prepared, plan } = await changed();
    write(path, { "a.txt": "my own unsaved work\n", "b.txt": "staged\n", "c.txt": "untracked\n" });
    sh(path, "add", "b.txt");
    const before = state(path);
    const first = await applyTree(git, prepared.hostGit, path, plan);
    assert.equal(first.branch, "holdfast/fix-the-test-u-nd-so");
    assert.deepEqual(await applyTree(git, prepared.hostGit, path, plan), first);
    assert.equal(state(path), before);
    assert.equal(sh(path, "show", `${first.branch}:a.txt`), "changed");
    assert.equal(sh(path, "rev-parse", `${first.branch}^`), plan.base);
    assert.equal(sh(path, "branch", "--list", "holdfast/*", "--format=%(refname:short)"), first.branch);
    sh(path, "fsck", "--strict");
  });

  test("uses the next free name if another commit has the name", async () => {
    const { path, prepared, plan } = await changed();
    sh(path, "branch", plan.branch);
    sh(path, "branch", `${plan.branch}-2`);
    const { branch, commit } = await applyTree(git, prepared.hostGit, path, plan);
    assert.equal(branch, `${plan.branch}-3`);
    assert.deepEqual(await applyTree(git, prepared.hostGit, path, plan), { branch, commit });
  });

  test("uses a dash if a branch called holdfast prevents a folder of that name", async () => {
    const { path, prepared } = await changed();
    sh(path, "branch", "holdfast");
    const plan = { ...(await changed()).plan, branch: await branchName(git, path, "x") };
    assert.equal(plan.branch, "holdfast-x");
    assert.ok(prepared);
  });

  test("throws apply.nothing_to_apply for an unchanged tree", async () => {
    const { path, prepared, plan } = await changed({});
    await assert.rejects(applyTree(git, prepared.hostGit, path, plan), (error) =>
      isErrorCode(error, "apply", "nothing_to_apply"),
    );
  });

  test("works when the user's repository has lost the base", async () => {
    const { path, prepared, plan } = await changed();
    sh(path, "checkout", "-q", "--orphan", "other");
    sh(path, "commit", "-q", "-m", "other");
    sh(path, "branch", "-D", "main");
    sh(path, "reflog", "expire", "--expire=now", "--all");
    sh(path, "gc", "-q", "--prune=now");
    const { branch } = await applyTree(git, prepared.hostGit, path, plan);
    assert.equal(sh(path, "show", `${branch}:a.txt`), "changed");
  });

  test("refuses names that git does not accept for a branch", async () => {
    for (const bad of ["-x", "a..b", "a b", "a~1", "", "a".repeat(300), "x.lock"]) {
      await assert.rejects(
        requireBranchName(git, bad),
        (error) => isErrorCode(error, "apply", "invalid_branch"),
        bad,
      );
    }
    await requireBranchName(git, "topic/ünïcode");
  });
});
