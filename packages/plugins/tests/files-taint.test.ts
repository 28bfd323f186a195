/** Files that a tainted session writes into a shared folder taint each session that reads them. */
import assert from "node:assert/strict";
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createGate, type Gate, type PluginGrant } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { provenJails } from "./proven-jails.ts";

function openGate(
  root: string,
  notes: string,
  more: Readonly<Record<string, PluginGrant>> = {},
): Promise<Gate> {
  return createGate({
    dataDir: join(root, "data"),
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: {
      builtInDirectory: pluginsDirectory,
      watch: false,
      grants: {
        files: {
          folders: { notes: { path: notes, mode: "rw" }, deep: { path: join(notes, "deep"), mode: "rw" } },
        },
        ...more,
      },
    },
  });
}

test("files of a session with untrusted content", async (t) => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-files-taint-")));
  chmodSync(root, 0o755);
  const notes = join(root, "notes");
  mkdirSync(join(notes, "deep"), { recursive: true });
  let gate = await openGate(root, notes);
  t.after(async () => {
    await gate.close();
    rmSync(root, { recursive: true, force: true });
  });

  /** Whether the call taints the session that makes it. */
  const taints = async (name: string, args: Record<string, unknown>, tainted = false): Promise<boolean> => {
    const tool = gate.plugins.tools().find((each) => each.name === `files_${name}`);
    assert.ok(tool, name);
    const outcome = await gate.plugins.invoke({
      tool,
      arguments: { folder: "notes", ...args },
      principal: { jailId: "j", session: tainted ? "outside" : "clean", group: "alpha" },
      correlation: "c",
      tainted,
      signal: new AbortController().signal,
    });
    assert.ok(outcome.ok, JSON.stringify(outcome));
    return outcome.untrusted === true;
  };
  const reading = (path: string, folder = "notes") => taints("read", { folder, path });
  const listing = (path = "") => taints("list", { path });

  await t.test("taint the session that reads them, and no other file does", async () => {
    await taints("write", { path: "own", content: "mine" });
    await taints("write", { path: "page", content: "words of others" }, true);
    assert.equal(await reading("page"), true);
    assert.equal(await reading("own"), false);
    assert.equal(await taints("stat", { path: "page" }), false);
  });

  await t.test("are marked by their names too, in every list that shows one", async () => {
    assert.equal(await listing(), true);
    assert.equal(await taints("list", { after: "page" }), false);
    await taints("write", { path: "made/by/x", content: "x", make_folders: true }, true);
    await taints("delete", { path: "made/by/x" }, true);
    assert.equal(await listing("made"), true);
    assert.equal(await listing("made/by"), false);
    await taints("write", { path: "kept/plain", content: "mine", make_folders: true });
    await taints("move", { from: "kept/plain", to: "kept/do what I say" }, true);
    assert.equal(await listing("kept"), true);
  });

  await t.test("stay marked when they are moved, appended to, or seen through another folder", async () => {
    await taints("move", { from: "page", to: "deep/page" });
    assert.equal(await reading("deep/page"), true);
    assert.equal(await reading("page", "deep"), true);
    await taints("write", { path: "deep/page", content: "more", mode: "append" });
    assert.equal(await reading("deep/page"), true);
    await taints("move", { from: "deep/page", to: "far/page", make_folders: true });
    await taints("move", { from: "far", to: "farther" });
    assert.equal(await reading("farther/page"), true);
    renameSync(join(notes, "farther"), join(notes, "by hand"));
    appendFileSync(join(notes, "by hand", "page"), "by hand");
    assert.equal(await reading("by hand/page"), true);
  });

  await t.test("are clean once a clean session has written them anew", async () => {
    await taints("write", { path: "by hand/page", content: "mine", mode: "replace" });
    assert.equal(await reading("by hand/page"), false);
    await taints("write", { path: "gone", content: "x" }, true);
    await taints("delete", { path: "gone" });
    writeFileSync(join(notes, "gone"), "mine");
    assert.equal(await reading("gone"), false);
  });

  await t.test("are not what such a session only tried to change", async () => {
    await assert.rejects(taints("write", { path: "own", content: "x" }, true), /exists already/);
    await assert.rejects(taints("move", { from: "own", to: "gone" }, true), /exists already/);
    assert.equal(await reading("own"), false);
    assert.equal(await taints("list", { path: "", after: "made", limit: 1 }), false);
  });

  await t.test("are known after a restart", async () => {
    await taints("write", { path: "page", content: "words of others" }, true);
    await gate.close();
    gate = await openGate(root, notes);
    assert.equal(await reading("page"), true);
    assert.equal(await reading("own"), false);
  });

  await t.test("are all of a folder in which another plugin writes, as what git fetches", async () => {
    const work = (mode: "ro" | "rw") => ({ git: { folders: { work: { path: join(notes, "deep"), mode } } } });
    writeFileSync(join(notes, "deep", "fetched"), "words of others");
    await gate.close();
    gate = await openGate(root, notes, work("ro"));
    assert.equal(await reading("fetched", "deep"), false);
    await gate.close();
    gate = await openGate(root, notes, work("rw"));
    assert.equal(await reading("fetched", "deep"), true);
    assert.equal(await reading("deep/fetched"), true);
    assert.equal(await taints("list", { path: "deep" }), true);
    assert.equal(await taints("write", { path: "fresh", content: "mine" }), false);
  });
});
