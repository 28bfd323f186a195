import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, type TestContext, test } from "node:test";
import {
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { blobReferencePrefix, forkActor } from "@holdfast/actors";
import { systemPorts } from "@holdfast/core";
import { type BucketOptions, bucketFromUrl, openPostgresStore } from "@holdfast/store-postgres";
import { blobConformance, manualClock } from "@holdfast/testing";
import { removeAtExit } from "@holdfast/testing/scratch";
import { type FauxqsServer, startFauxqs } from "fauxqs";
import { bytes, code, create, newSchema, next, openStore, session, sharedServer } from "./support.ts";

process.env["AWS_ACCESS_KEY_ID"] = "key";
process.env["AWS_SECRET_ACCESS_KEY"] = "secret";

const server = await sharedServer();
let s3: FauxqsServer;
let client: S3Client;

before(async () => {
  s3 = await startFauxqs({ port: 0, host: "127.0.0.1", logger: false });
  s3.createBucket("blobs");
  client = new S3Client({ endpoint: s3.address, region: "us-east-1", forcePathStyle: true });
});
after(async () => {
  client.destroy();
  await s3.stop();
});

function bucket(prefix: string): BucketOptions {
  return bucketFromUrl(`s3://blobs/${prefix}?endpoint=${encodeURIComponent(s3.address)}`);
}

/** Keys of the objects below a prefix, without the one that every store writes. */
async function keys(prefix: string): Promise<readonly string[]> {
  const { Contents = [] } = await client.send(
    new ListObjectsV2Command({ Bucket: "blobs", Prefix: `${prefix}/` }),
  );
  return Contents.map(({ Key = "" }) => Key).filter((key) => key !== `${prefix}/holdfast.txt`);
}

async function* pieces(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* parts;
}

async function collected(stream: AsyncIterable<Uint8Array> | undefined): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of stream ?? []) parts.push(part);
  return Buffer.concat(parts);
}

const reference = (hash: string) =>
  ({ type: "put", key: Uint8Array.from([...blobReferencePrefix(hash), 0]), value: bytes("x") }) as const;

blobConformance("postgres with objects in a bucket", async (ports) => {
  const cachePath = mkdtempSync(join(tmpdir(), "holdfast-cache-"));
  removeAtExit(cachePath);
  const options = { url: server.url, schema: newSchema(), cachePath, ports, blobs: bucket("conformance") };
  let store = await openPostgresStore(options);
  return {
    store,
    async reopen() {
      await store.close();
      store = await openPostgresStore(options);
      return store;
    },
    dispose: () => store.close(),
  };
});

const mebibyte = 1_048_576;
const everything = { start: 0, end: Number.MAX_SAFE_INTEGER };

function content(size: number): Buffer {
  return Buffer.alloc(size, "0123456789abcdefghijklmnopqrstuvwxyz");
}

test("an object of several parts is stored in the bucket only, and removed from it", async (t) => {
  const schema = newSchema();
  const store = await openStore(t, { url: server.url, schema, blobs: bucket("parts") });
  const id = randomUUID();
  const whole = content(20 * mebibyte + 7);
  const put = () => store.blobs.put(id, pieces(whole.subarray(0, 9_999_999), whole.subarray(9_999_999)), 1e9);
  const { hash, size } = await put();
  assert.equal(size, whole.length);
  assert.deepEqual(await put(), { hash, size }, "equal content");
  assert.equal((await keys("parts")).length, 1, "is stored once");
  await store.commit(create(id, { kv: [reference(hash)] }));
  const range = { start: 8 * mebibyte - 3, end: 8 * mebibyte + 3 };
  assert.deepEqual(
    await collected(await store.blobs.read(id, hash, range)),
    whole.subarray(range.start, range.end),
  );
  assert.ok((await collected(await store.blobs.read(id, hash, everything))).equals(whole));
  const database = await session(t, server.url);
  for (const table of ["blob_piece", "upload"]) {
    const { rows } = await database.query(`SELECT 1 FROM ${schema}.${table}`);
    assert.deepEqual(rows, [], table);
  }
  store.blobs.remove(id, hash);
  assert.deepEqual(await store.blobs.list(id), []);
  assert.deepEqual(await keys("parts"), []);

  const broken = async function* () {
    yield whole;
    throw new Error("the source broke");
  };
  await assert.rejects(store.blobs.put(id, broken(), 1e9), /the source broke/);
  await assert.rejects(store.blobs.put(id, pieces(whole), whole.length - 1), code("store", "blob_too_large"));
  assert.deepEqual(await keys("parts"), []);
  const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: "blobs" }));
  assert.deepEqual(Uploads, []);
});

test("objects without a reference, of destroyed actors and of interrupted uploads leave the bucket", async (t) => {
  const schema = newSchema();
  const clock = manualClock();
  const options = { url: server.url, schema, blobs: bucket("gone"), ports: { ...systemPorts(), clock } };
  const first = await openStore(t, options);
  const [kept, destroyed] = [randomUUID(), randomUUID()];
  const { hash } = await first.blobs.put(kept, pieces(content(10)), 100);
  await first.blobs.put(kept, pieces(content(11)), 100);
  await first.commit(create(kept, { kv: [reference(hash)] }));
  await first.blobs.put(destroyed, pieces(content(12)), 100);
  await first.commit(create(destroyed));
  assert.equal((await keys("gone")).length, 3);
  await first.commit(next(destroyed, 2, { destroyedAt: 5 }));
  clock.advance(1_000);
  await first.acquire(kept);
  await first.close();
  const left = await keys("gone");
  assert.equal(left.length, 1, "only the object with a reference is left");

  // As a killed process leaves it: bytes, and no object.
  const upload = randomUUID();
  const database = await session(t, server.url);
  const key = `gone/${Buffer.from(kept).toString("hex")}/${upload}`;
  await client.send(new PutObjectCommand({ Bucket: "blobs", Key: key, Body: "left behind" }));
  await database.query(
    `INSERT INTO ${schema}.upload SELECT shard, id, $1, $2, true FROM ${schema}.actor WHERE id = $3`,
    [upload, clock.now(), kept],
  );
  await (await openStore(t, options)).close();
  assert.equal((await keys("gone")).length, 2, "an upload may still be running");
  clock.advance(25 * 3_600_000);
  await (await openStore(t, options)).close();
  assert.deepEqual(await keys("gone"), left);
});

test("a fork has objects of its own, and objects from before there was a bucket stay readable", async (t) => {
  const options = { url: server.url, schema: newSchema() };
  const plain = await openStore(t, options);
  const id = randomUUID();
  const old = await plain.blobs.put(id, pieces(content(3 * mebibyte)), 1e9);
  await plain.commit(create(id, { kv: [reference(old.hash)] }));
  await plain.close();
  const store = await openStore(t, { ...options, blobs: bucket("fork") });
  const recent = await store.blobs.put(id, pieces(content(10 * mebibyte)), 1e9);
  await store.commit(next(id, 2, { kv: [reference(recent.hash)] }));
  const copy = { id: randomUUID(), name: "copy", key: ["of it"], createdAt: 1 };
  await forkActor(store, id, copy);
  assert.equal((await keys("fork")).length, 3);
  await store.commit(next(id, 3, { destroyedAt: 5 }));
  for (const [{ hash }, size] of [
    [old, 3 * mebibyte],
    [recent, 10 * mebibyte],
  ] as const) {
    assert.ok((await collected(await store.blobs.read(copy.id, hash, everything))).equals(content(size)));
  }
  await store.close();
  assert.equal((await keys("fork")).length, 2);
  const without = await openStore(t, options);
  await assert.rejects(
    without.blobs.read(copy.id, old.hash, everything),
    code("store", "bucket_unavailable"),
  );
});

/** An S3 server that passes requests on, refuses them, or answers nothing. */
async function moodyServer(t: TestContext) {
  const mood: { is: "passing" | "refusing" | "silent" } = { is: "passing" };
  const proxy = createServer((incoming, outgoing) => {
    if (mood.is === "silent") return;
    if (mood.is === "refusing") {
      incoming.resume();
      outgoing.writeHead(403, { "content-type": "application/xml" });
      outgoing.end("<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>");
      return;
    }
    const { method, url, headers } = incoming;
    const passed = request({ host: "127.0.0.1", port: s3.port, method, path: url, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    proxy.closeAllConnections();
    proxy.close();
  });
  const { port } = proxy.address() as AddressInfo;
  return { mood, endpoint: `http://127.0.0.1:${port}` };
}

test("a bucket that is missing, refuses or is silent is named, and nothing is acknowledged", async (t) => {
  const open = (blobs: BucketOptions) => openStore(t, { url: server.url, blobs });
  const reports = (what: RegExp) => (error: Error) => {
    assert.match(error.message, what);
    assert.match(error.message, /Nothing was stored\. Check HOLDFAST_BLOBS/);
    return code("store", "bucket_unavailable")(error);
  };
  const missing = { ...bucket("x"), bucket: "nowhere" };
  await assert.rejects(open(missing), reports(/^The bucket "nowhere" does not exist\./));
  const away = { bucket: "blobs", endpoint: "http://127.0.0.1:1" };
  await assert.rejects(open(away), reports(/^The bucket "blobs" cannot be used \(.*ECONNREFUSED/));

  const { mood, endpoint } = await moodyServer(t);
  const store = await open({ bucket: "blobs", prefix: "moody", endpoint, timeoutMs: 2_000 });
  const id = randomUUID();
  const before = await store.blobs.put(id, pieces(content(100)), 1e9);
  for (const [is, what] of [
    ["refusing", /refuses these credentials \(AccessDenied\)/],
    ["silent", /did not answer within 2000 ms/],
  ] as const) {
    mood.is = is;
    await assert.rejects(store.blobs.put(id, pieces(content(9 * mebibyte)), 1e9), reports(what));
    await assert.rejects(store.blobs.read(id, before.hash, everything), reports(what));
    await assert.rejects(open({ bucket: "blobs", endpoint, timeoutMs: 2_000 }), reports(what));
  }
  mood.is = "passing";
  assert.deepEqual(await store.blobs.list(id), [before.hash]);
  assert.ok((await collected(await store.blobs.read(id, before.hash, everything))).equals(content(100)));
});

test("the URL of a bucket is checked, and not repeated", () => {
  assert.deepEqual(
    bucketFromUrl("s3://name/a/b?endpoint=https%3A%2F%2Fhost%3A9000&region=eu-west-1&pathStyle=false"),
    { bucket: "name", prefix: "a/b", endpoint: "https://host:9000", region: "eu-west-1", pathStyle: false },
  );
  assert.deepEqual(bucketFromUrl("s3://name"), { bucket: "name" });
  const wrong: readonly (readonly [string, RegExp])[] = [
    ["https://name/secret", /does not begin with "s3:\/\/"/],
    ["s3://key:secret@name", /has credentials in it/],
    ["s3://name?secre=1", /unknown parameter "secre"/],
    ["s3://a", /no valid name/],
    ["s3://name?endpoint=secret", /endpoint is not an http or https URL/],
    ["s3://name?pathStyle=secret", /neither true nor false/],
  ];
  for (const [url, message] of wrong) {
    assert.throws(
      () => bucketFromUrl(url),
      (error: Error) => {
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret/);
        return code("store", "invalid_options")(error);
      },
    );
  }
});
