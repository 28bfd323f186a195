/** Reverts, comparisons and parts of files, in real jails and with real git. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { needsJail, readLog } from "../support.ts";
import { codeOf, startReviewed } from "./support.ts";

const lines = (count: number, change: Readonly<Record<number, string>> = {}) =>
  Array.from({ length: count }, (_, index) => `${change[index + 1] ?? `line ${index + 1}`}\n`).join("");

const files = {
  "a.txt": lines(60),
  "old.txt": lines(20),
  "gone.txt": "gone\n",
  "end.txt": "no line end",
  "crlf.txt": "one\r\ntwo\r\nthree\r\n",
  ".gitattributes": "crlf.txt text eol=crlf\n",
};

describe("reverts", () => {
  test("a hunk, a file that was changed, deleted, renamed or added, and back again", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, files);
    const actions = task.client.task(task.id);
    const changed = lines(60, { 3: "THREE", 50: "FIFTY\nand more" });
    task.write("a.txt", changed);
    task.write("end.txt", "with line end\n");
    task.write("crlf.txt", "one\r\nTWO\r\nthree\r\n");
    rmSync(join(task.workspace, "gone.txt"));
    renameSync(join(task.workspace, "old.txt"), join(task.workspace, "new.txt"));
    const seen = async (path: string) => {
      const file = (await actions.diff()).files.find((each) => each.path === path);
      assert.ok(file !== undefined, path);
      return { path, contentId: file.contentId };
    };

    const hunk = { oldStart: 47, oldLines: 7, newStart: 47, newLines: 8 };
    const reverted = await actions.revert({ ...(await seen("a.txt")), hunk });
    assert.equal(task.read("a.txt"), lines(60, { 3: "THREE" }));
    assert.deepEqual(
      (await actions.review()).reverts.map(({ id, path, isHunk }) => [id, path, isHunk]),
      [[reverted.id, "a.txt", true]],
    );
    await actions.undoRevert(reverted.id);
    assert.equal(task.read("a.txt"), changed);
    assert.deepEqual((await actions.review()).reverts, []);

    for (const [path, original] of [
      ["a.txt", files["a.txt"]],
      ["gone.txt", "gone\n"],
      ["end.txt", "no line end"],
      ["crlf.txt", "one\r\ntwo\r\nthree\r\n"],
    ] as const) {
      await actions.revert(await seen(path));
      assert.equal(task.read(path), original);
    }
    const rename = await actions.revert(await seen("new.txt"));
    assert.ok(!existsSync(join(task.workspace, "new.txt")));
    assert.equal(task.read("old.txt"), files["old.txt"]);
    await actions.undoRevert(rename.id);
    assert.equal(task.read("new.txt"), files["old.txt"]);
    assert.ok(!existsSync(join(task.workspace, "old.txt")));
    const added = await actions.revert(await seen("x.txt"));
    assert.ok(!existsSync(join(task.workspace, "x.txt")));
    await actions.undoRevert(added.id);
    assert.equal(task.read("x.txt"), "x\n");
    const { sessionId } = await actions.get();
    const log = JSON.stringify(await readLog(task.client, sessionId));
    assert.match(log, /A part of the changes of a\.txt was reverted/);
  });

  test("are refused when the file has changed since, or the agent works, and change nothing", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, files);
    const actions = task.client.task(task.id);
    task.write("a.txt", lines(60, { 3: "THREE" }));
    const [file] = (await actions.diff()).files.filter(({ path }) => path === "a.txt");
    assert.ok(file !== undefined);
    const { path, contentId } = file;
    task.write("a.txt", lines(60, { 3: "three" }));
    assert.equal(await codeOf(actions.revert({ path, contentId })), "review.file_changed");
    assert.equal(task.read("a.txt"), lines(60, { 3: "three" }));
    task.write("a.txt", lines(60, { 3: "THREE" }));
    const hunk = { oldStart: 9, oldLines: 1, newStart: 9, newLines: 1 };
    assert.equal(await codeOf(actions.revert({ path, contentId, hunk })), "review.file_changed");
    const { id } = await actions.revert({ path, contentId });
    task.write("a.txt", lines(60, { 9: "NINE" }));
    assert.equal(await codeOf(actions.undoRevert(id)), "review.file_changed");
    assert.equal(task.read("a.txt"), lines(60, { 9: "NINE" }));
    assert.equal(await codeOf(actions.undoRevert(crypto.randomUUID())), "review.revert_not_found");

    await actions.prompt('write "y" to y.txt');
    await task.watch.until(({ approvals }) => approvals.length > 0, "a question");
    const now = (await actions.diff()).files.find((each) => each.path === "a.txt");
    assert.equal(
      await codeOf(actions.revert({ path, contentId: now?.contentId ?? "" })),
      "review.agent_working",
    );
    await actions.stop();
  });

  test("follow no link out of the workspace", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, { "dir/a.txt": "a\n", secret: "s\n" });
    const outside = join(task.data, "..", "outside");
    execFileSync("/bin/sh", ["-c", 'mkdir "$1" && echo safe > "$1/a.txt"', "sh", outside]);
    rmSync(join(task.workspace, "dir"), { recursive: true });
    symlinkSync(outside, join(task.workspace, "dir"));
    const actions = task.client.task(task.id);
    const file = (await actions.diff()).files.find(({ path }) => path === "dir/a.txt");
    assert.ok(file !== undefined);
    const revert = actions.revert({ path: file.path, contentId: file.contentId });
    assert.equal(await codeOf(revert), "review.path_taken");
    assert.equal(readFileSync(join(outside, "a.txt"), "utf8"), "safe\n");
    assert.equal(readlinkSync(join(task.workspace, "dir")), outside);
  });
});

describe("comparisons", () => {
  test("with the last turn, and of one commit of the agent", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, { "a.txt": "a\n" });
    const actions = task.client.task(task.id);
    const paths = async (compare: Parameters<typeof actions.diff>[0]) =>
      (await actions.diff(compare)).files.map(({ path }) => path);
    assert.deepEqual(await paths({ compare: { kind: "turn" } }), ["x.txt"]);
    await actions.prompt('write "y" to y.txt without asking');
    await task.watch.until(({ status }) => status === "running", "a turn");
    await task.watch.until(({ status }) => status === "idle", "the end of the turn");
    assert.deepEqual(await paths({}), ["x.txt", "y.txt"]);
    assert.deepEqual(await paths({ compare: { kind: "turn" } }), ["y.txt"]);

    const git = (...args: string[]) =>
      execFileSync("git", ["-c", "user.name=A", "-c", "user.email=a@example.org", ...args], {
        cwd: task.workspace,
        encoding: "utf8",
      }).trim();
    git("add", "x.txt");
    git("commit", "-q", "-m", "first of the agent");
    git("add", "y.txt");
    git("commit", "-q", "-m", "second\n\nwith a body");
    const commits = await actions.commits();
    assert.deepEqual(
      commits.map(({ subject, author }) => [subject, author]),
      [
        ["second", "A"],
        ["first of the agent", "A"],
      ],
    );
    const [second, first] = commits.map(({ id }) => id);
    assert.deepEqual(await paths({ compare: { kind: "commit", commit: first ?? "" } }), ["x.txt"]);
    assert.deepEqual(await paths({ compare: { kind: "commit", commit: second ?? "" } }), ["y.txt"]);
    const unknown = { kind: "commit", commit: "1".repeat(40) } as const;
    assert.equal(await codeOf(actions.diff({ compare: unknown })), "review.commit_not_found");
  });

  test("folders and searches of the files as they were seen last, without a sandbox", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, { "src/a.txt": "One\n", "top.txt": "two\n" });
    const actions = task.client.task(task.id);
    task.write("src/b b.txt", "one and 1\n");
    const { tree } = await actions.diff();
    const top = await actions.savedFolder();
    assert.equal(top.tree, tree);
    assert.ok(top.savedAt !== undefined);
    const names = top.entries.map(({ name, kind }) => `${kind} ${name}`);
    assert.ok(names.includes("folder src") && names.includes("file top.txt"), names.join());
    assert.deepEqual((await actions.savedFolder({ path: "src" })).entries, [
      { name: "a.txt", kind: "file", size: 4 },
      { name: "b b.txt", kind: "file", size: 10 },
    ]);
    assert.deepEqual((await actions.searchSaved({ where: "contents", text: "ONE" })).matches, [
      { path: "src/a.txt", line: 1, text: "One" },
      { path: "src/b b.txt", line: 1, text: "one and 1" },
    ]);
    const found = await actions.searchSaved({ where: "names", text: "B B" });
    assert.deepEqual(found, { matches: [{ path: "src/b b.txt" }], truncated: false });
    assert.deepEqual((await actions.searchSaved({ where: "contents", text: "-none" })).matches, []);
    assert.equal(await codeOf(actions.savedFolder({ path: "top.txt" })), "review.no_folder");
    assert.equal(await codeOf(actions.savedFolder({ tree: "--help" })), "task.invalid_input");
    assert.equal(await codeOf(actions.searchSaved({ where: "contents", text: "" })), "task.invalid_input");
  });

  test("parts of long patches, lines around changes, and bytes of images", async (t) => {
    if (!needsJail(t)) return;
    const task = await startReviewed(t, { "long.txt": lines(100_000), "a b.txt": lines(30) });
    const actions = task.client.task(task.id);
    task.write("long.txt", lines(100_000).replaceAll("line", "changed"));
    const picture = Buffer.from(Array.from({ length: 500_000 }, (_, index) => index % 251));
    task.write("p.png", picture);
    const diff = await actions.diff();
    const long = diff.files.find(({ path }) => path === "long.txt");
    assert.deepEqual([long?.additions, long?.patch], [100_000, ""]);
    let patch = "";
    for (let from: number | null = 0; from !== null; ) {
      const { base, tree } = diff;
      const part: { text: string; next: number | null } = await actions.filePatch({
        ...{ base, tree, path: "long.txt", from },
      });
      patch += part.text;
      from = part.next;
    }
    assert.equal(patch.split("\n").filter((line) => line.startsWith("+changed ")).length, 100_000);
    const { tree } = diff;
    assert.deepEqual(await actions.fileLines({ tree, path: "a b.txt", start: 29, end: 40 }), {
      ...{ start: 29, lines: ["line 29", "line 30"], total: 30 },
    });
    assert.equal(await codeOf(actions.fileLines({ tree, path: "none", start: 1, end: 2 })), "review.no_file");
    const bytes: Buffer[] = [];
    for (let from: number | null = 0; from !== null; ) {
      const part: { bytes: string; size: number; next: number | null } = await actions.fileBytes({
        ...{ tree, path: "p.png", from },
      });
      assert.equal(part.size, picture.length);
      bytes.push(Buffer.from(part.bytes, "base64"));
      from = part.next;
    }
    assert.ok(Buffer.concat(bytes).equals(picture));
    assert.equal(await codeOf(actions.fileBytes({ tree: "HEAD", path: "p.png" })), "task.invalid_input");
  });
});
