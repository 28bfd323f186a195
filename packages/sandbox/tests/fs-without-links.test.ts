import assert from "node:assert/strict";
import { mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { pack } from "tar-stream";
import { startServerProcess } from "./harness.ts";

/**
 * Wrapper that makes hard links fail with EPERM, as on a file system without them, and executes the program that
 * follows. The numbers are those of link(2), linkat(2) and prctl(2); the filter is for seccomp(2).
 */
const script = String.raw`
use strict;
my ($link, $linkat, $prctl) = splice(@ARGV, 0, 3);
my $filter = join '', map { pack 'SCCL', @$_ }
  [0x20, 0, 0, 0], [0x15, 1, 0, $link], [0x15, 0, 1, $linkat], [0x06, 0, 0, 0x00050001], [0x06, 0, 0, 0x7fff0000];
my $program = pack 'S x!8 P', 5, $filter;
syscall($prctl + 0, 38, 1, 0, 0, 0) == 0 or die "prctl: $!\n";
syscall($prctl + 0, 22, 2, $program) == 0 or die "seccomp: $!\n";
exec { $ARGV[0] } @ARGV;
`;

const numbers: Readonly<Record<string, readonly string[]>> = {
  x64: ["86", "265", "157"],
  arm64: ["37", "37", "167"],
};
const known = process.platform === "linux" ? numbers[process.arch] : undefined;
const skip = known ? false : "needs Linux on a processor whose system calls are known";

test("files are created and moved without hard links, and none is replaced", { skip }, async (t) => {
  const through = ["perl", "-e", script, ...(known ?? [])];
  const { url, token, home } = await startServerProcess(t, {}, "tcp", undefined, through);
  const call = async (method: string, path: string, body: string, headers: Record<string, string>) => {
    const authorization = `Bearer ${token}`;
    const init = { method, body, headers: { authorization, ...headers } };
    const response = await fetch(`${url}/v1/fs/${path}`, init);
    await response.text();
    return response.status;
  };
  const make = (content: string) => call("PUT", "file?path=new", content, { "if-none-match": "*" });
  const move = (from: string, to: string) =>
    call("POST", "move", JSON.stringify({ from, to }), { "content-type": "application/json" });

  assert.deepEqual((await Promise.all(["a", "b", "c"].map(make))).sort(), [200, 412, 412]);
  assert.match(await readFile(join(home, "new"), "utf8"), /^[abc]$/);
  await writeFile(join(home, "old"), "old");
  assert.equal(await move("old", "new"), 400);
  assert.equal(await move("old", "moved"), 200);
  assert.equal(await readFile(join(home, "moved"), "utf8"), "old");
  await symlink("/no/where", join(home, "link"));
  assert.equal(await move("link", "other-link"), 200);
  assert.equal(await readlink(join(home, "other-link")), "/no/where");
  await mkdir(join(home, "directory"));
  assert.equal(await move("directory", "moved"), 400);
  const left = (await readdir(home)).filter((name) => name !== ".local");
  assert.deepEqual(left.sort(), ["directory", "moved", "new", "other-link"]);
});

test("an archive with hard links is extracted on a file system without them", { skip }, async (t) => {
  const through = ["perl", "-e", script, ...(known ?? [])];
  const { url, token, home } = await startServerProcess(t, {}, "tcp", undefined, through);
  const content = "x".repeat(100_000);
  const archive = pack();
  archive.entry({ name: "one", mode: 0o751, mtime: new Date(1_000_000) }, content);
  archive.entry({ name: "two", type: "link", linkname: "one" });
  archive.entry({ name: "far", type: "symlink", linkname: "/no/where" });
  archive.entry({ name: "further", type: "link", linkname: "far" });
  archive.finalize();
  const upload = async (body: Buffer<ArrayBuffer>, type: string) =>
    await fetch(`${url}/v1/fs/upload-batch?path=made`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      body,
    });
  const response = await upload(Buffer.from(await buffer(archive)), "application/x-tar");
  assert.equal(response.status, 200, await response.text());
  const made = join(home, "made");
  assert.equal(await readFile(join(made, "two"), "utf8"), content);
  const { mode, mtimeMs } = await stat(join(made, "two"));
  assert.deepEqual([mode & 0o777, mtimeMs], [0o751, 1_000_000]);
  assert.equal(await readlink(join(made, "further")), "/no/where");
  assert.deepEqual((await readdir(made)).sort(), ["far", "further", "one", "two"]);
  const bomb = pack();
  bomb.entry({ name: "large" }, Buffer.alloc(4 * 1_048_576));
  for (let index = 0; index < 8; index += 1)
    bomb.entry({ name: `again-${index}`, type: "link", linkname: "large" });
  bomb.finalize();
  assert.equal((await upload(gzipSync(await buffer(bomb)), "application/gzip")).status, 413);
});
