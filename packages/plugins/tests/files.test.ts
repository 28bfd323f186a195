/** Shared folders, as an agent's calls reach them: through the real gate, in the plugin's process. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createGate } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { provenJails } from "./proven-jails.ts";

test("files in shared folders", async (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-files-")));
  chmodSync(root, 0o755);
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const [notes, books, team] = ["notes", "books", "team"].map((name) => join(root, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [notes, books, team, join(root, "outside")]) mkdirSync(each);
  writeFileSync(join(root, "outside", "secret"), "secret");
  writeFileSync(join(books, "moby"), "Call me Ishmael");
  const gate = await createGate({
    dataDir: join(root, "data"),
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: {
      builtInDirectory: pluginsDirectory,
      watch: false,
      grants: {
        files: {
          folders: {
            notes: { path: notes, mode: "rw" },
            books: { path: books, mode: "ro" },
            team: { path: team, mode: "rw" },
          },
        },
      },
      config: { files: { groups: { team: ["beta"] } } },
    },
  });
  t.after(() => gate.close());
  const call = async (name: string, args: Record<string, unknown>, group = "alpha") => {
    const tool = gate.plugins.tools().find((each) => each.name === `files_${name}`);
    assert.ok(tool, name);
    const outcome = await gate.plugins.invoke({
      tool,
      arguments: args,
      principal: { jailId: "j", session: "s", group },
      correlation: "c",
      signal: new AbortController().signal,
    });
    return outcome.ok ? JSON.stringify(outcome.result) : `${outcome.error.code}: ${outcome.error.message}`;
  };
  const write = (path: string, content: string, more: Record<string, unknown> = {}) =>
    call("write", { folder: "notes", path, content, ...more });
  const read = (path: string, more: Record<string, unknown> = {}) =>
    call("read", { folder: "notes", path, ...more });

  await t.test("are written whole, read by ranges, and listed", async () => {
    assert.equal(await write("a/b.txt", "grün"), "HANDLER_ERROR: No such file or folder");
    assert.equal(await write("a/b.txt", "grün", { make_folders: true }), '{"written":"a/b.txt","size":5}');
    assert.match(await write("a/b.txt", "x"), /exists already/);
    chmodSync(join(notes, "a", "b.txt"), 0o640);
    assert.match(await write("a/b.txt", "größe", { mode: "replace" }), /"size":7/);
    assert.equal(statSync(join(notes, "a", "b.txt")).mode & 0o777, 0o640);
    assert.match(await write("a/b.txt", "!", { mode: "append" }), /"size":8/);
    assert.equal(readFileSync(join(notes, "a", "b.txt"), "utf8"), "größe!");
    // Of appends at the same time, each is there.
    await Promise.all([..."0123456789"].map((each) => write("log", each, { mode: "append" })));
    assert.deepEqual([...readFileSync(join(notes, "log"), "utf8")].sort(), [..."0123456789"]);
    // A character is never cut in two.
    const part = JSON.parse(await read("a/b.txt", { length: 3 })) as Record<string, unknown>;
    assert.deepEqual(part, { content: "gr", encoding: "text", offset: 0, bytes: 2, size: 8, next_offset: 2 });
    assert.match(await read("a/b.txt", { offset: 2 }), /"content":"öße!"/);
    assert.match(await read("a/b.txt", { offset: 100 }), /"content":"","encoding":"text","offset":100/);
    assert.match(await write("bin", "//4=", { encoding: "base64" }), /"size":2/);
    assert.match(await read("bin"), /not UTF-8 text/);
    assert.match(await read("bin", { encoding: "base64" }), /"content":"\/\/4="/);
    assert.match(await write("x", "not base64", { encoding: "base64" }), /not base64/);
    assert.match(
      await call("list", { folder: "notes", limit: 1 }),
      /"name":"a","type":"folder".*"more":true/,
    );
    assert.match(await call("list", { folder: "notes", after: "a" }), /"name":"bin".*"more":false/);
    assert.match(await call("stat", { folder: "notes", path: "bin" }), /"type":"file","size":2/);
    assert.deepEqual(readdirSync(join(notes, "a")), ["b.txt"]);
  });

  await t.test("are no folders, however their path ends", async () => {
    const folder = "notes";
    await write("plain", "x");
    for (const end of ["/", "/."]) {
      assert.match(await read(`plain${end}`), /not a file/);
      assert.match(await call("stat", { folder, path: `plain${end}` }), /not a folder/);
      assert.match(await call("delete", { folder, path: `plain${end}` }), /not a folder/);
      assert.match(await write(`new${end}`, "x"), /end with a slash/);
      assert.match(await call("move", { folder, from: `plain${end}`, to: "other" }), /not a folder/);
      assert.match(
        await call("move", { folder, from: "plain", to: `made/it${end}`, make_folders: true }),
        /end with a slash/,
      );
    }
    assert.match(await call("stat", { folder, path: "made" }), /No such/);
    assert.match(await call("move", { folder, from: "a/", to: "b/" }), /"moved":"a\/"/);
    assert.match(await call("move", { folder, from: "b", to: "a" }), /"moved"/);
    assert.match(await call("list", { path: "a" }), /set `folder`/);
    assert.match(await call("list", { folder: "", path: "" }), /"name":"books"/);
  });

  await t.test("are none of what git keeps of a repository", async () => {
    const folder = "notes";
    mkdirSync(join(notes, "app", ".git"), { recursive: true });
    writeFileSync(join(notes, "app", ".git", "config"), "");
    await write("config", "[core]\nfsmonitor = touch /tmp/x");
    for (const path of [".git", ".git/config", "app/.git/config", "app/.GIT/hooks/post-checkout"]) {
      assert.match(await write(path, "x", { make_folders: true, mode: "replace" }), /Only a person/, path);
      assert.match(
        await call("move", { folder, from: "config", to: path, make_folders: true }),
        /Only a person/,
      );
    }
    assert.match(await call("move", { folder, from: "app/.git", to: "app/git" }), /Only a person/);
    assert.equal(readFileSync(join(notes, "app", ".git", "config"), "utf8"), "");
    assert.match(await read("app/.git/config"), /"size":0/);
    assert.match(await write("app/.gitignore", "dist"), /"size":4/);
  });

  await t.test("have bounds", async () => {
    const most = 102_400;
    assert.match(await write("big", "x".repeat(most)), /"size":102400/);
    assert.match(await write("more", "x".repeat(most + 1)), /limited to 102400/);
    writeFileSync(join(notes, "large"), Buffer.alloc(16 * 1024 * 1024 - 1, "y"));
    assert.match(await read("large"), /"bytes":262144,"size":16777215,"next_offset":262144/);
    assert.match(await write("large", "z", { mode: "append" }), /"size":16777216/);
    assert.match(await write("large", "z", { mode: "append" }), /files of 16777216/);
    assert.match(await write(`${"d/".repeat(33)}x`, "x", { make_folders: true }), /folders deep/);
    assert.match(await write("n".repeat(256), "x"), /too long or reserved/);
  });

  await t.test("are moved and deleted, and nothing is overwritten", async () => {
    await write("one", "1");
    await write("two", "2");
    const move = (from: string, to: string) =>
      call("move", { folder: "notes", from, to, make_folders: true });
    assert.match(await move("one", "two"), /exists already/);
    assert.match(await move("a", "two"), /exists already/);
    assert.match(await move("one", "new/one"), /"to":"new\/one"/);
    assert.match(await move("new", "old"), /"moved":"new"/);
    assert.match(await move("old", "old/far/down"), /HANDLER_ERROR: A folder cannot be moved into itself/);
    assert.deepEqual(readdirSync(join(notes, "old")), ["one"]);
    assert.match(await read("old/one"), /"content":"1"/);
    assert.match(await read("two"), /"content":"2"/);
    const remove = (path: string) => call("delete", { folder: "notes", path });
    assert.match(await remove("old"), /not empty/);
    assert.match(await remove("old/one"), /deleted/);
    assert.match(await remove("old"), /deleted/);
    assert.match(await remove(""), /the shared folder itself/);
    assert.equal(gate.plugins.tools().find((each) => each.name === "files_delete")?.riskLevel, "high");
  });

  await t.test("keep nothing of a write that was killed", async () => {
    const old = new Date(Date.now() - 3_600_000);
    const left = ["0123456789abcdef", "fedcba9876543210"].map((id) => `.holdfast-${id}.tmp`);
    mkdirSync(join(notes, "killed", "deep"), { recursive: true });
    for (const path of left.flatMap((name) => [`killed/${name}`, `killed/deep/${name}`])) {
      writeFileSync(join(notes, path), "half");
      utimesSync(join(notes, path), old, old);
    }
    // One that is being written now, by another call.
    const young = ".holdfast-00000000000000aa.tmp";
    writeFileSync(join(notes, "killed", young), "half");
    assert.match(await write("killed/whole", "x"), /"size":1/);
    assert.deepEqual(readdirSync(join(notes, "killed")).sort(), [young, "deep", "whole"]);
    assert.match(await call("list", { folder: "notes", path: "killed/deep" }), /"entries":\[\]/);
    assert.match(await call("delete", { folder: "notes", path: "killed/deep" }), /deleted/);
    rmSync(join(notes, "killed"), { recursive: true });
  });

  await t.test("are those of the folder: no link, no way up, no device", async () => {
    symlinkSync(join(root, "outside"), join(notes, "way"));
    symlinkSync(join(root, "outside", "secret"), join(notes, "link"));
    symlinkSync("two", join(notes, "near"));
    const results: string[] = [];
    for (const path of [
      "way/secret",
      "link",
      "near",
      "../outside/secret",
      "/etc/passwd",
      "a/../../x",
      "a\0b",
    ]) {
      results.push(
        await read(path),
        await write(path, "x", { mode: "replace" }),
        await write(path, "x", { mode: "append" }),
        await call("move", { folder: "notes", from: path, to: "taken" }),
      );
    }
    results.push(
      await call("list", { folder: "notes", path: "way" }),
      await call("move", { folder: "notes", from: "two", to: "way/two" }),
      await write("way/made/x", "x", { make_folders: true }),
      await call("delete", { folder: "notes", path: "way/secret" }),
    );
    for (const each of results)
      assert.match(each, /^HANDLER_ERROR: (A component|The path|This is not a file|Only files)/);
    assert.deepEqual(readdirSync(join(root, "outside")), ["secret"]);
    assert.equal(readFileSync(join(root, "outside", "secret"), "utf8"), "secret");
    execFileSync("mkfifo", [join(notes, "pipe")]);
    assert.match(await read("pipe"), /This is not a file/);
    // A link itself can go; what it leads to stays.
    assert.match(await call("delete", { folder: "notes", path: "link" }), /deleted/);
    assert.equal(readFileSync(join(root, "outside", "secret"), "utf8"), "secret");
  });

  await t.test("are read where they are shared for reading, and shared with their groups alone", async () => {
    assert.match(await call("read", { folder: "books", path: "moby" }), /Ishmael/);
    const attempts: [string, Record<string, unknown>][] = [
      ["write", { path: "new", content: "x" }],
      ["write", { path: "moby", content: "x", mode: "replace" }],
      ["move", { from: "moby", to: "dick" }],
      ["delete", { path: "moby" }],
    ];
    for (const [name, args] of attempts) {
      assert.match(await call(name, { folder: "books", ...args }), /shared read-only/);
    }
    assert.equal(
      await call("list", {}),
      '{"folders":[{"name":"books","writable":false},{"name":"notes","writable":true}]}',
    );
    assert.match(await call("list", {}, "beta"), /"team"/);
    const mine = { folder: "team", path: "plan", content: "x" };
    assert.equal(
      await call("write", mine),
      (await call("write", { ...mine, folder: "none" })).replace("none", "team"),
    );
    assert.match(await call("write", mine, "beta"), /written/);
    assert.match(await call("read", { folder: "constructor", path: "x" }), /No folder/);
  });
});
