/** What mounts rely on, for the files in memory and for those of a bucket. Those of a sandbox: tests/sandbox-mount.test.ts. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { after, before, describe, test } from "node:test";
import { openS3 } from "@holdfast/core/s3";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import { agentOsLimits } from "../../limits.ts";
import { Errno } from "../errno.ts";
import { BucketFiles } from "./bucket-files.ts";
import { MemoryFiles } from "./memory-files.ts";
import { CallTimes, type Contents, type RemoteFiles } from "./remote-files.ts";

const { EEXIST, EIO, EISDIR, ENOENT, ENOSPC, ENOTEMPTY, ESTALE, EXDEV } = constants.errno;
const credentials = { accessKeyId: "key", secretAccessKey: "secret" };
let server: FauxqsServer;

before(async () => {
  server = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  server.createBucket("files");
});
after(() => server.stop());

function contents(of: string | Buffer): Contents {
  const bytes = Buffer.from(of);
  return { size: bytes.length, read: async (at, length) => bytes.subarray(at, at + length) };
}

const text = async (files: RemoteFiles, path: string) =>
  Buffer.from(await files.read(path, 0, 1_000)).toString();
const names = async (files: RemoteFiles, path: string) =>
  (await files.list(path)).map(({ name, kind }) => `${name}${kind === "directory" ? "/" : ""}`).sort();
const failsWith = (errno: number) => (error: unknown) => error instanceof Errno && error.errno === errno;

async function bucketFiles(prefix: string, timeoutMs = 10_000, endpoint = server.address) {
  const s3 = await openS3({ endpoint, credentials }, import.meta.url);
  assert.ok(s3);
  const times = new CallTimes(timeoutMs, () => {});
  return { s3, files: new BucketFiles(s3, { bucket: "files", prefix }, times) };
}

const kinds: Readonly<Record<string, () => Promise<RemoteFiles>>> = {
  memory: async () => new MemoryFiles(100 * 1_048_576),
  "a bucket": async () => (await bucketFiles("own/")).files,
};

for (const [kind, open] of Object.entries(kinds)) {
  describe(`files in ${kind}`, () => {
    let files: RemoteFiles;
    before(async () => {
      files = await open();
    });
    after(() => files.close());

    test("are written, read in ranges, listed, moved and removed", async () => {
      assert.deepEqual(await files.list("/"), []);
      assert.equal((await files.stat("/")).kind, "directory");
      await files.makeDirectory("/src");
      await files.makeDirectory("/src/deep");
      await files.write("/src/ä b.txt", contents("hello"), {});
      const { kind: type, size, mode, modifiedNs } = await files.stat("/src/ä b.txt");
      assert.deepEqual([type, size, mode], ["file", 5, 0o644]);
      assert.ok(Math.abs(Number(modifiedNs / 1_000_000n) - Date.now()) < 60_000);
      for (const [offset, length, expected] of [
        [1, 3, "ell"],
        [3, 100, "lo"],
        [5, 10, ""],
        [50, 10, ""],
        [0, 0, ""],
      ] as const)
        assert.equal(Buffer.from(await files.read("/src/ä b.txt", offset, length)).toString(), expected);
      assert.deepEqual(await names(files, "/"), ["src/"]);
      assert.deepEqual(await names(files, "/src"), ["deep/", "ä b.txt"]);
      await files.move("/src/ä b.txt", "/src/deep/moved", false);
      assert.deepEqual(await names(files, "/src"), ["deep/"]);
      assert.equal(await text(files, "/src/deep/moved"), "hello");
      await files.remove("/src/deep/moved");
      // A folder is there without anything in it.
      assert.deepEqual(await files.list("/src/deep"), []);
      await files.remove("/src/deep");
      await files.remove("/src");
      assert.deepEqual(await files.list("/"), []);
    });

    test("are refused as the system would", async () => {
      await files.makeDirectory("/full");
      await files.write("/full/a", contents("a"), {});
      await files.write("/b", contents("b"), {});
      const refusals: readonly (readonly [() => Promise<unknown>, number])[] = [
        [() => files.stat("/none"), ENOENT],
        [() => files.list("/none"), ENOENT],
        [() => files.read("/none", 0, 1), ENOENT],
        [() => files.remove("/none"), ENOENT],
        [() => files.move("/none", "/other", true), ENOENT],
        [() => files.makeDirectory("/full"), EEXIST],
        [() => files.remove("/full"), ENOTEMPTY],
        [() => files.move("/b", "/full/a", false), EEXIST],
        [() => files.move("/b", "/full", true), EISDIR],
      ];
      for (const [call, errno] of refusals) await assert.rejects(call, failsWith(errno), call.toString());
      await files.move("/b", "/full/a", true);
      assert.equal(await text(files, "/full/a"), "b");
    });

    test("are replaced only in the version that was read", async () => {
      const first = await files.write("/v", contents("1"), { ifNoneMatch: "*" });
      await assert.rejects(files.write("/v", contents("x"), { ifNoneMatch: "*" }), failsWith(ESTALE));
      assert.ok(first !== undefined);
      assert.equal((await files.stat("/v")).etag, first);
      const second = await files.write("/v", contents("22"), { ifMatch: first });
      assert.notEqual(second, first);
      await assert.rejects(files.write("/v", contents("x"), { ifMatch: first }), failsWith(ESTALE));
      await assert.rejects(files.read("/v", 0, 1, first), failsWith(ESTALE));
      assert.equal(Buffer.from(await files.read("/v", 0, 9, second)).toString(), "22");
    });

    test("may be large", async () => {
      const size = 2 * agentOsLimits.mountPartBytes + 7;
      const bytes = Buffer.alloc(size, "0123456789abcdefghijklmnopq");
      const etag = await files.write("/large", contents(bytes), { ifNoneMatch: "*" });
      const found = await files.stat("/large");
      assert.deepEqual([found.size, found.etag], [size, etag]);
      const at = agentOsLimits.mountPartBytes - 3;
      assert.deepEqual(Buffer.from(await files.read("/large", at, 9)), bytes.subarray(at, at + 9));
    });
  });
}

test("a folder in memory has room for so many bytes", async () => {
  const files = new MemoryFiles(10);
  await files.write("/a", contents("12345"), {});
  await files.write("/b", contents("12345"), {});
  await assert.rejects(files.write("/c", contents("1"), {}), failsWith(ENOSPC));
  await files.write("/c", contents(""), {});
  await files.write("/a", contents("1234"), {});
  await files.write("/c", contents("1"), {});
  await files.remove("/b");
  await files.write("/d", contents("12345"), {});
  await assert.rejects(files.write("/d", contents("123456"), {}), failsWith(ENOSPC));
  assert.equal(await text(files, "/d"), "12345");
  await files.makeDirectory("/dir");
  await files.move("/dir", "/renamed", false);
  assert.deepEqual(await names(files, "/renamed"), []);
});

test("objects of others are files, nothing outside of the prefix is visible, and folders are not renamed", async () => {
  const { s3, files } = await bucketFiles("shared/");
  const put = (Key: string, Body: string) =>
    s3.client.send(new s3.sdk.PutObjectCommand({ Bucket: "files", Key, Body: Buffer.from(Body) }));
  await put("shared/reports/2026/june.txt", "sales");
  await put("shared/reports/..", "no name");
  await put("other/secret", "hidden");
  assert.deepEqual(await names(files, "/"), ["reports/"]);
  assert.deepEqual(await names(files, "/reports"), ["2026/"]);
  assert.equal(await text(files, "/reports/2026/june.txt"), "sales");
  await assert.rejects(files.move("/reports/2026", "/reports/2027", false), failsWith(EXDEV));
  for (let index = 0; index < 1_001; index += 1) await put(`shared/many/${index}`, "");
  assert.equal((await files.list("/many")).length, 1_001);
  files.close();
});

test("a bucket that is missing, refuses or is gone gives errors in time", async () => {
  const away = await bucketFiles("", 500, "http://127.0.0.1:1");
  await assert.rejects(away.files.stat("/a"), failsWith(EIO));
  await assert.rejects(away.files.check());
  away.files.close();
});
