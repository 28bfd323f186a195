import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { SandboxClient } from "@holdfast/sandbox-client";
import { build } from "rolldown";
import { startSandbox, startServerProcess, temporary, transports } from "./harness.ts";

const refused = (code: string, status: number) => (error: unknown) =>
  isErrorCode(error, "sandbox", code) && error.statusCode === status;

describe("files", () => {
  test("names with spaces, line breaks and emoji are written, listed, read and removed", async (t) => {
    const { client, home } = await startSandbox(t);
    const names = [
      "with space.txt",
      "two\nlines.txt",
      "émoji 🦉.txt",
      "per%cent&am?p#.txt",
      "-dash",
      "back\\slash",
    ];
    for (const name of names) {
      assert.equal(
        await client.fs.write(`dir/sub/${name}`, `content of ${name}`),
        Buffer.byteLength(`content of ${name}`),
      );
    }
    const entries = await client.fs.entries("dir/sub");
    assert.deepEqual(
      entries.map((entry) => entry.name),
      [...names].sort(),
    );
    for (const entry of entries) {
      assert.equal(entry.path, join(home, "dir/sub", entry.name));
      assert.equal(await client.fs.readText(entry.path), `content of ${entry.name}`);
      await client.fs.remove(entry.path);
    }
    assert.deepEqual(await client.fs.entries("~/dir/sub"), []);
  });

  test("an empty file, a missing file, a directory and a device get distinct responses", async (t) => {
    const { client, home } = await startSandbox(t);
    assert.equal(await client.fs.write("empty", ""), 0);
    assert.equal((await client.fs.read("empty")).length, 0);
    assert.deepEqual((await client.fs.stat("empty")).entryType, "file");
    await client.fs.mkdir("a/b/c");
    await client.fs.mkdir("a/b/c");
    assert.equal((await client.fs.stat("a/b/c")).entryType, "directory");
    await assert.rejects(client.fs.stat("none"), refused("invalid_request", 400));
    await assert.rejects(client.fs.read("a"), refused("invalid_request", 400));
    await assert.rejects(client.fs.read("/dev/zero"), refused("invalid_request", 400));
    execFileSync("mkfifo", [join(home, "pipe")]);
    await assert.rejects(client.fs.read("pipe"), refused("invalid_request", 400));
    await assert.rejects(client.fs.write("pipe", "x"), refused("invalid_request", 400));
    await assert.rejects(client.fs.write("a", "x"), refused("stream_error", 502));
    await assert.rejects(client.fs.write("empty/below", "x"), refused("invalid_request", 400));
    await assert.rejects(client.fs.remove("a"), refused("stream_error", 502));
    await client.fs.remove("a", { recursive: true });
    await assert.rejects(client.fs.entries("a"), refused("invalid_request", 400));
  });

  test("a replaced file keeps its permissions, and an interrupted upload changes nothing", async (t) => {
    const { client, home } = await startSandbox(t);
    await writeFile(join(home, "script"), "old", { mode: 0o755 });
    await client.fs.write("script", "new");
    assert.equal((await stat(join(home, "script"))).mode & 0o777, 0o755);
    const broken = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(1_000));
        controller.error(new Error("the sender gave up"));
      },
    });
    await assert.rejects(client.fs.write("script", broken));
    assert.equal(await readFile(join(home, "script"), "utf8"), "new");
    assert.deepEqual(
      (await readdir(home)).filter((name) => name.endsWith(".tmp")),
      [],
    );
  });

  test("a dangling link can be removed, and removing a tree does not follow links", async (t) => {
    const { client, home } = await startSandbox(t);
    const outside = await temporary(t);
    await writeFile(join(outside, "precious"), "keep");
    await mkdir(join(home, "tree/deep"), { recursive: true });
    await symlink(outside, join(home, "tree/deep/link"));
    await symlink("/no/where", join(home, "dangling"));
    await client.fs.remove("dangling");
    await client.fs.remove("tree", { recursive: true });
    assert.deepEqual(await readdir(home), []);
    assert.equal(await readFile(join(outside, "precious"), "utf8"), "keep");
  });
});

describe("the root", () => {
  test(".., absolute paths and links reach nothing outside", async (t) => {
    const root = await temporary(t);
    const outside = await temporary(t);
    await writeFile(join(outside, "secret"), "secret");
    await mkdir(join(root, "in"));
    await writeFile(join(root, "in/file"), "inside");
    await symlink(outside, join(root, "away"));
    await symlink("../../../../../../../../etc/passwd", join(root, "in/up"));
    await symlink(join(root, "in"), join(root, "absolute-inside"));
    await symlink("in/file", join(root, "relative-inside"));
    await symlink("loop", join(root, "loop"));
    const { client } = await startSandbox(t, "unix", { root });
    assert.equal(await client.fs.readText(join(root, "absolute-inside/file")), "inside");
    assert.equal(await client.fs.readText("relative-inside"), "inside", "relative paths are inside the root");
    const denied = refused("permission_denied", 403);
    await assert.rejects(client.fs.read(join(outside, "secret")), denied);
    await assert.rejects(client.fs.read(join(root, "away/secret")), denied);
    await assert.rejects(client.fs.entries(join(root, "away")), denied);
    await assert.rejects(client.fs.read(join(root, "in/up")), denied);
    await assert.rejects(client.fs.write(join(root, "away/new"), "x"), denied);
    await assert.rejects(client.fs.mkdir(join(root, "away/new")), denied);
    await assert.rejects(client.fs.remove(join(root, "away/secret")), denied);
    await assert.rejects(client.fs.read(`${root}-sibling`), denied);
    await assert.rejects(client.fs.read(`${root}/in/file/../../x`), refused("invalid_request", 400));
    await assert.rejects(client.fs.read("../secret"), refused("invalid_request", 400));
    await assert.rejects(client.fs.read("a\0b"), refused("invalid_request", 400));
    await assert.rejects(client.fs.read("loop"), refused("invalid_request", 400));
    await assert.rejects(client.fs.remove(root, { recursive: true }), refused("invalid_request", 400));
    await client.fs.remove(join(root, "away"));
    assert.deepEqual(await readdir(outside), ["secret"]);
  });

  test("a directory that is constantly swapped for a link never leads outside", async (t) => {
    const root = await temporary(t);
    const outside = await temporary(t);
    await writeFile(join(outside, "file"), "outside");
    await mkdir(join(root, "real"));
    await writeFile(join(root, "real/file"), "inside");
    const { client } = await startSandbox(t, "unix", { root });
    const swap = `
      const { renameSync, symlinkSync } = require("node:fs");
      symlinkSync(${JSON.stringify(outside)}, "${root}/link");
      for (let i = 0; ; i++) {
        renameSync("${root}/real", "${root}/was"); renameSync("${root}/link", "${root}/real");
        renameSync("${root}/real", "${root}/link"); renameSync("${root}/was", "${root}/real");
      }`;
    const stop = new AbortController();
    const swapping = client.run({ command: process.execPath, args: ["-e", swap] }, { signal: stop.signal });
    swapping.catch(() => {});
    let read = 0;
    for (let index = 0; index < 300; index += 1) {
      const text = await client.fs.readText(join(root, "real/file")).catch(() => undefined);
      if (text !== undefined) read += 1;
      assert.notEqual(text, "outside");
    }
    stop.abort();
    await assert.rejects(swapping);
    assert.ok(read > 0, "it was read between the swaps");
  });
});

// HOLDFAST_TEST_HEAVY=1 sends 5 GB, which takes a minute and 5 GB of disk space.
const manyBytes = process.env.HOLDFAST_TEST_HEAVY === "1" ? 5_000_000_000 : 300_000_000;

/** Uploads and downloads a file of that size, and compares them. */
async function upAndDown(client: SandboxClient, total: number): Promise<void> {
  const block = randomBytes(1_000_000);
  const sent = createHash("sha256");
  let produced = 0;
  const source = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (produced >= total) {
        controller.close();
        return;
      }
      produced += block.length;
      sent.update(block);
      controller.enqueue(new Uint8Array(block));
    },
  });
  assert.equal(await client.fs.write("big", source), total);
  assert.equal((await client.fs.stat("big")).size, total);
  const received = createHash("sha256");
  for await (const chunk of await client.fs.stream("big")) {
    received.update(chunk);
  }
  assert.equal(received.digest("hex"), sent.digest("hex"));
}

/** Runs the server as one bundled file, as published: type stripping alone takes 40 MB. */
async function bundle(t: TestContext): Promise<string> {
  const dir = await temporary(t);
  const input = join(import.meta.dirname, "../src/cli.ts");
  await build({ input, platform: "node", output: { dir, format: "esm" }, logLevel: "silent" });
  return join(dir, "cli.js");
}

describe("uploads and downloads of large files with less than 150 MB of memory", () => {
  const sizes = { tcp: manyBytes, unix: 50_000_000, dial: 50_000_000 };
  for (const transport of transports) {
    test(`${sizes[transport] / 1_000_000} MB over ${transport}`, async (t) => {
      const server = await startServerProcess(t, {}, transport, await bundle(t));
      await upAndDown(server.client, sizes[transport]);
      const status = await readFile(`/proc/${server.pid}/status`, "utf8");
      const peakKb = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]);
      assert.ok(peakKb < 150_000, `the server took ${peakKb} KB at its peak`);
      t.diagnostic(`peak of the server: ${Math.round(peakKb / 1_000)} MB`);
    });
  }
});
