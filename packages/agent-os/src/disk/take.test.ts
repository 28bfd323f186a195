import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { ActorBlobs } from "@holdfast/actors";
import { decodeManifest, encodeManifest, type Manifest } from "./manifest.ts";
import { restoreSnapshot } from "./restore.ts";
import { takeSnapshot } from "./take.ts";
import { walk } from "./walk.ts";

/** Objects in memory, with the number of bytes that were put. */
function memoryBlobs() {
  const objects = new Map<string, Buffer>();
  let putBytes = 0;
  const blob: Pick<ActorBlobs, "put" | "get" | "bytes"> = {
    async put(source) {
      const parts: Uint8Array[] = [];
      if (source instanceof Uint8Array) parts.push(source);
      else for await (const part of source as AsyncIterable<Uint8Array>) parts.push(part);
      const bytes = Buffer.concat(parts);
      const hash = createHash("sha256").update(bytes).digest("hex");
      objects.set(hash, bytes);
      putBytes += bytes.length;
      return { hash, size: bytes.length };
    },
    get: async (hash, { start = 0, end } = {}) =>
      new Response(new Uint8Array(objects.get(hash)?.subarray(start, end) ?? [])).body ?? undefined,
    bytes: async (hash) => objects.get(hash),
  };
  return { blob: blob as ActorBlobs, putBytes: () => putBytes };
}

function machine(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-disk-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const folders = { home: join(directory, "home"), workspace: join(directory, "workspace") };
  for (const path of Object.values(folders)) mkdirSync(path);
  const { blob, putBytes } = memoryBlobs();
  const take = (previous?: Manifest) =>
    takeSnapshot({ blob, folders, previous, place: "here", now: Date.now });
  return { directory, folders, blob, putBytes, take };
}

test("only what has changed is read again, and nothing is stored when nothing has", async (t) => {
  const { folders, take, putBytes, blob, directory } = machine(t);
  for (let at = 0; at < 50; at += 1) writeFileSync(join(folders.home, `file-${at}`), `content ${at}`);
  writeFileSync(join(folders.workspace, "large"), Buffer.alloc(1_500_000, "x"));
  // Files that were changed just before a snapshot are read again with the next.
  await delay(80);
  const first = await take();
  assert.equal(await take(first), first);
  const before = putBytes();
  writeFileSync(join(folders.home, "file-7"), "other");
  const second = await take(first);
  assert.equal(putBytes() - before, 5);
  rmSync(join(folders.home, "file-8"));
  const third = await take(second);
  assert.notEqual(third, second);
  assert.equal(third.items.home.length, 49);

  const copy = join(directory, "copy");
  await restoreSnapshot(decodeManifest(encodeManifest(third)), blob, copy);
  assert.equal(readFileSync(join(copy, "home", "file-7"), "utf8"), "other");
  assert.equal(readFileSync(join(copy, "home", "file-9"), "utf8"), "content 9");
  assert.equal(readFileSync(join(copy, "workspace", "large")).length, 1_500_000);
});

test("a pack of which little is used is written anew", async (t) => {
  const { folders, take } = machine(t);
  for (let at = 0; at < 20; at += 1) writeFileSync(join(folders.home, `f${at}`), Buffer.alloc(1_000, at));
  await delay(80);
  const first = await take();
  for (let at = 0; at < 18; at += 1) rmSync(join(folders.home, `f${at}`));
  const second = await take(first);
  const third = await take(second);
  assert.deepEqual(Object.values(second.objects), [20_000]);
  assert.deepEqual(Object.values(third.objects), [2_000]);
});

test("a folder that is replaced by a link during a walk leads nowhere", async (t) => {
  const { folders, directory } = machine(t);
  const secret = join(directory, "secret");
  mkdirSync(secret);
  writeFileSync(join(secret, "key"), "secret");
  mkdirSync(join(folders.home, "a"));
  writeFileSync(join(folders.home, "a", "key"), "own");
  symlinkSync(secret, join(folders.home, "b"));
  const found: string[] = [];
  for await (const entry of walk(folders.home)) {
    found.push(`${entry.kind} ${entry.path}`);
    if (entry.path === "a/key") {
      renameSync(join(folders.home, "a"), join(directory, "moved"));
      symlinkSync(secret, join(folders.home, "a"));
      const handle = await entry.open();
      assert.equal(await handle?.readFile("utf8"), "own");
      await handle?.close();
    }
  }
  assert.deepEqual(found, ["folder a", "file a/key", "link b"]);
  rmSync(join(folders.home, "a"));
  mkdirSync(join(folders.home, "a"));
  for await (const entry of walk(folders.home)) {
    if (entry.path !== "a") continue;
    rmSync(join(folders.home, "a"), { recursive: true });
    symlinkSync(secret, join(folders.home, "a"));
  }
});
