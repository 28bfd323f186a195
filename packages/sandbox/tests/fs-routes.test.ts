import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, link, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { promisify } from "node:util";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { extract, pack } from "tar-stream";
import { unpackedLimits } from "../src/fs/trees/tar-upload.ts";
import { field, type Sandbox, startSandbox, temporary, until } from "./harness.ts";

const run = promisify(execFile);

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly value: unknown;
}

async function call(sandbox: Sandbox, method: string, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await sandbox.fetch(`${sandbox.url}/v1/fs/${path}`, { method, ...init });
  const text = await response.text();
  const isJson = response.headers.get("content-type")?.includes("json") ?? false;
  return {
    status: response.status,
    headers: response.headers,
    text,
    value: isJson ? JSON.parse(text) : text,
  };
}

function move(sandbox: Sandbox, body: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json" };
  return call(sandbox, "POST", "move", { headers, body: JSON.stringify(body) });
}

/** Whether this process, in which the server runs, has the file open. */
async function isOpen(path: string): Promise<boolean> {
  const files = (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => ""));
  return (await Promise.all(files)).includes(path);
}

describe("ranges and validators", () => {
  test("one range is served, invalid ones are reported, several return the complete file", async (t) => {
    const sandbox = await startSandbox(t);
    await writeFile(join(sandbox.home, "f"), "0123456789");
    const get = async (headers: Record<string, string>) => {
      const answer = await call(sandbox, "GET", "file?path=f", { headers });
      return [answer.status, answer.headers.get("content-range"), answer.text];
    };
    assert.deepEqual(await get({ range: "bytes=2-4" }), [206, "bytes 2-4/10", "234"]);
    assert.deepEqual(await get({ range: "bytes=7-" }), [206, "bytes 7-9/10", "789"]);
    assert.deepEqual(await get({ range: "bytes=-3" }), [206, "bytes 7-9/10", "789"]);
    assert.deepEqual(await get({ range: "bytes=0-99" }), [206, "bytes 0-9/10", "0123456789"]);
    assert.deepEqual(await get({ range: "bytes=9-9" }), [206, "bytes 9-9/10", "9"]);
    const beyond = await call(sandbox, "GET", "file?path=f", { headers: { range: "bytes=10-" } });
    assert.deepEqual([beyond.status, beyond.headers.get("content-range")], [416, "bytes */10"]);
    assert.equal(field(beyond.value, "type"), "urn:holdfast:error:range_not_satisfiable");
    for (const range of ["bytes=5-2", "bytes=", "bytes=1-2,4-5", "lines=1-2", "bytes=a-b"]) {
      assert.deepEqual(await get({ range }), [200, null, "0123456789"], range);
    }
    const head = await call(sandbox, "HEAD", "file?path=f", { headers: { range: "bytes=2-4" } });
    assert.deepEqual([head.status, head.headers.get("content-length"), head.text], [206, "3", ""]);
    assert.equal(head.headers.get("accept-ranges"), "bytes");
    const etag = head.headers.get("etag") ?? "";
    assert.equal((await get({ range: "bytes=2-4", "if-range": etag }))[0], 206);
    assert.equal((await get({ range: "bytes=2-4", "if-range": '"other"' }))[0], 200);
    await writeFile(join(sandbox.home, "empty"), "");
    assert.equal(
      (await call(sandbox, "GET", "file?path=empty", { headers: { range: "bytes=0-" } })).status,
      416,
    );
  });

  test("a link is described instead of what it points to, where that is asked for", async (t) => {
    const sandbox = await startSandbox(t);
    await writeFile(join(sandbox.home, "f"), "123");
    await symlink("f", join(sandbox.home, "link"));
    const { value: followed } = await call(sandbox, "GET", "stat?path=link");
    assert.deepEqual([field(followed, "size"), field(followed, "special")], [3, undefined]);
    const { value: link } = await call(sandbox, "GET", "stat?path=link&noFollow=true");
    assert.deepEqual([field(link, "special"), field(link, "target")], ["symlink", "f"]);
    const { value: file } = await call(sandbox, "GET", "stat?path=f&noFollow=true");
    assert.deepEqual([field(file, "size"), field(file, "target")], [3, undefined]);
  });

  test("If-None-Match avoids a read, If-Match guards a write, and a new file is created once", async (t) => {
    const sandbox = await startSandbox(t);
    const put = async (body: string, headers: Record<string, string> = {}) =>
      await call(sandbox, "PUT", "file?path=f", { body, headers });
    const first = await put("one", { "if-none-match": "*" });
    assert.equal(first.status, 200);
    const etag = first.headers.get("etag") ?? "";
    assert.deepEqual(
      first.value,
      { path: `${sandbox.home}/f`, bytesWritten: 3 },
      "as the peer's, to the letter",
    );
    assert.equal(field((await call(sandbox, "GET", "stat?path=f")).value, "etag"), etag);
    const again = await put("two", { "if-none-match": "*" });
    assert.deepEqual([again.status, field(again.value, "code")], [412, "precondition_failed"]);
    assert.equal(field(again.value, "etag"), etag, "the refusal says which version is there");
    const unchanged = await call(sandbox, "GET", "file?path=f", { headers: { "if-none-match": etag } });
    assert.deepEqual([unchanged.status, unchanged.text], [304, ""]);
    const second = await put("two", { "if-match": etag });
    assert.equal(second.status, 200);
    assert.notEqual(second.headers.get("etag"), etag);
    assert.equal((await put("three", { "if-match": etag })).status, 412);
    assert.equal((await put("three", { "if-match": `W/${second.headers.get("etag")}` })).status, 412);
    assert.equal((await call(sandbox, "GET", "file?path=f")).text, "two");
    const remove = (match: string) =>
      call(sandbox, "DELETE", "entry?path=f", { headers: { "if-match": match } });
    assert.equal((await remove(etag)).status, 412);
    assert.equal((await remove(second.headers.get("etag") ?? "")).status, 200);
    assert.equal((await put("x", { "if-match": "*" })).status, 412);
    assert.deepEqual(await readdir(sandbox.home), []);
  });

  test("If-Match ties the ranges of a read to one version of the file", async (t) => {
    const sandbox = await startSandbox(t);
    for (const [name, size] of [
      ["small", 10],
      ["large", 100_000],
    ] as const) {
      await writeFile(join(sandbox.home, name), "o".repeat(size));
      const read = (match: string) =>
        call(sandbox, "GET", `file?path=${name}`, { headers: { range: "bytes=2-4", "if-match": match } });
      const etag = (await read("*")).headers.get("etag") ?? "";
      const piece = await read(`"other", ${etag}`);
      assert.deepEqual([piece.status, piece.text], [206, "ooo"]);
      await writeFile(join(sandbox.home, name), "n".repeat(size));
      const refused = await read(etag);
      assert.deepEqual([refused.status, field(refused.value, "code")], [412, "precondition_failed"]);
      assert.equal(field(refused.value, "etag"), refused.headers.get("etag"), "the version that is there");
      assert.equal((await read(`W/${refused.headers.get("etag")}`)).status, 412);
    }
  });

  test("of many writers with the same validator exactly one succeeds", async (t) => {
    const sandbox = await startSandbox(t);
    const start = await call(sandbox, "PUT", "file?path=f", { body: "0" });
    const headers = { "if-match": start.headers.get("etag") ?? "" };
    const writers = Array.from({ length: 12 }, (_, index) => String(index + 1));
    const answers = await Promise.all(
      writers.map((body) => call(sandbox, "PUT", "file?path=f", { body, headers })),
    );
    const won = writers.filter((_, index) => answers[index]?.status === 200);
    assert.equal(won.length, 1);
    assert.equal(await readFile(join(sandbox.home, "f"), "utf8"), won[0]);
    assert.ok(answers.every(({ status }) => status === 200 || status === 412));
    const makers = await Promise.all(
      writers.map((body) =>
        call(sandbox, "PUT", "file?path=new", { body, headers: { "if-none-match": "*" } }),
      ),
    );
    assert.equal(makers.filter(({ status }) => status === 200).length, 1);
    assert.deepEqual((await readdir(sandbox.home)).sort(), ["f", "new"]);
  });
});

test("a file generated by the kernel is sent completely, whatever its reported size", {
  skip: process.platform !== "linux",
}, async (t) => {
  const sandbox = await startSandbox(t);
  for (const path of [
    "/proc/version",
    "/proc/cpuinfo",
    "/proc/sys/kernel/ostype",
    "/sys/kernel/mm/ksm/run",
  ]) {
    if (!existsSync(path)) continue;
    const expected = await readFile(path, "utf8");
    assert.notEqual(expected, "", path);
    const whole = await call(sandbox, "GET", `file?path=${path}`, { headers: { range: "bytes=0-1" } });
    // The clock rates in the file may change between two reads.
    assert.deepEqual([whole.status, whole.text.replace(/MHz.*/g, "")], [200, expected.replace(/MHz.*/g, "")]);
    assert.equal(whole.headers.get("content-length"), String(Buffer.byteLength(whole.text)));
    assert.equal(whole.headers.get("etag"), null);
    const head = await call(sandbox, "HEAD", `file?path=${path}`);
    assert.deepEqual([head.status, head.text], [200, ""]);
  }
  const empty = await call(sandbox, "PUT", `file?path=${sandbox.work}/empty`);
  assert.equal(
    (await call(sandbox, "GET", `file?path=${sandbox.work}/empty`)).headers.get("etag"),
    empty.headers.get("etag"),
  );
});

describe("move", () => {
  test("responds like the peer and never loses data", async (t) => {
    const sandbox = await startSandbox(t);
    const { home } = sandbox;
    await writeFile(join(home, "a"), "a");
    const moved = await move(sandbox, { from: "a", to: "deep/er/b" });
    assert.deepEqual(moved.value, { from: join(home, "a"), to: join(home, "deep/er/b") });
    await writeFile(join(home, "c"), "c");
    assert.equal((await move(sandbox, { from: "c", to: "deep/er/b" })).status, 400, "it exists");
    assert.equal(await readFile(join(home, "deep/er/b"), "utf8"), "a");
    assert.equal((await move(sandbox, { from: "c", to: "deep/er/b", overwrite: true })).status, 200);
    assert.equal(await readFile(join(home, "deep/er/b"), "utf8"), "c");
    assert.deepEqual(await readdir(home), ["deep"]);
    const missing = await move(sandbox, { from: "none", to: "deep/er/b", overwrite: true });
    assert.equal(missing.status, 400);
    const self = await move(sandbox, { from: "deep/er/b", to: "deep/er/b", overwrite: true });
    assert.equal(self.status, 200);
    await symlink("er", join(home, "deep/link"));
    const alias = await move(sandbox, { from: "deep/er/b", to: "deep/link/b", overwrite: true });
    assert.equal(alias.status, 200);
    assert.equal(await readFile(join(home, "deep/er/b"), "utf8"), "c", "onto itself changes nothing");
    assert.equal((await move(sandbox, { from: "deep", to: "deep/er/x" })).status, 502, "into itself");
    assert.deepEqual(await readdir(join(home, "deep/er")), ["b"]);
  });

  test("directories replace each other completely, and a move between hard links leaves one name", async (t) => {
    const sandbox = await startSandbox(t);
    const { home } = sandbox;
    await mkdir(join(home, "new/sub"), { recursive: true });
    await mkdir(join(home, "old/full"), { recursive: true });
    assert.equal((await move(sandbox, { from: "new", to: "old" })).status, 400);
    assert.equal((await move(sandbox, { from: "new", to: "old", overwrite: true })).status, 200);
    assert.deepEqual(await readdir(join(home, "old")), ["sub"]);
    await writeFile(join(home, "f"), "f");
    assert.equal((await move(sandbox, { from: "f", to: "old", overwrite: true })).status, 200);
    assert.equal(await readFile(join(home, "old"), "utf8"), "f");
    await link(join(home, "old"), join(home, "twin"));
    assert.equal((await move(sandbox, { from: "old", to: "twin", overwrite: true })).status, 200);
    assert.deepEqual(await readdir(home), ["twin"]);
    await symlink("/no/where", join(home, "dangling"));
    assert.equal((await move(sandbox, { from: "dangling", to: "moved" })).status, 200);
    assert.equal(await readlink(join(home, "moved")), "/no/where");
  });

  test("invalid bodies get distinct errors", async (t) => {
    const sandbox = await startSandbox(t);
    for (const body of [
      {},
      { from: 1, to: "b" },
      { from: "a" },
      { from: "a", to: "b", overwrite: "yes" },
      [],
    ]) {
      assert.equal((await move(sandbox, body)).status, 422, JSON.stringify(body));
    }
    assert.equal((await move(sandbox, { from: "a", to: "../b" })).status, 400);
    assert.equal((await call(sandbox, "POST", "move", { body: "{}" })).status, 415);
    const headers = { "content-type": "application/json" };
    assert.equal((await call(sandbox, "POST", "move", { body: "{", headers })).status, 400);
  });
});

describe("upload of a tar archive", () => {
  type Item = Parameters<ReturnType<typeof pack>["entry"]>[0] & { readonly content?: string };

  async function archive(items: readonly Item[]): Promise<Buffer<ArrayBuffer>> {
    const packing = pack();
    for (const { content = "", ...header } of items) packing.entry(header, content);
    packing.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of packing) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
    return Buffer.concat(chunks);
  }

  const upload = (
    sandbox: Sandbox,
    body: NonNullable<RequestInit["body"]>,
    type = "application/x-tar",
    path = "to",
  ) => call(sandbox, "POST", `upload-batch?path=${path}`, { body, headers: { "content-type": type } });

  test("extracts files, directories, links and modes, also over existing ones", async (t) => {
    const sandbox = await startSandbox(t);
    const long = `${"deep/".repeat(40)}file`;
    const body = await archive([
      { name: "./" },
      { name: "bin/tool", content: "#!/bin/sh\n", mode: 0o4755, mtime: new Date(1_600_000_000_000) },
      { name: "two\nlines é🦉", content: "x" },
      { name: long, content: "y" },
      { name: "empty", type: "directory" },
      { name: "bin/link", type: "symlink", linkname: "tool" },
      { name: "hard", type: "link", linkname: "bin/tool" },
    ]);
    for (let round = 0; round < 2; round += 1) {
      const answer = await upload(sandbox, body);
      assert.equal(answer.status, 200, answer.text);
      const to = join(sandbox.home, "to");
      const names = ["bin/tool", "two\nlines é🦉", long, "empty", "bin/link", "hard"];
      assert.deepEqual(answer.value, { paths: names.map((name) => join(to, name)), truncated: false });
      const tool = await stat(join(to, "bin/tool"));
      assert.equal(tool.mode & 0o7777, 0o755);
      assert.equal(tool.mtimeMs, 1_600_000_000_000);
      assert.equal((await stat(join(to, "hard"))).ino, tool.ino);
      assert.equal(await readlink(join(to, "bin/link")), "tool");
      assert.equal(await readFile(join(to, long), "utf8"), "y");
      assert.deepEqual((await readdir(to)).sort(), ["bin", "deep", "empty", "hard", "two\nlines é🦉"]);
    }
    assert.deepEqual((await upload(sandbox, "")).value, { paths: [], truncated: false });
    assert.equal((await upload(sandbox, gzipSync(body), "application/gzip")).status, 200);
  });

  test("no entry lands outside the destination", async (t) => {
    const sandbox = await startSandbox(t);
    const outside = await temporary(t);
    await writeFile(join(outside, "precious"), "keep");
    await mkdir(join(sandbox.home, "to"));
    await symlink(outside, join(sandbox.home, "to/was-there"));
    const statuses: (readonly [readonly Item[], number])[] = [
      [[{ name: "../x", content: "x" }], 400],
      [[{ name: "a/../../x", content: "x" }], 400],
      [[{ name: join(outside, "x"), content: "x" }], 400],
      [[{ name: "was-there/x", content: "x" }], 403],
      [
        [
          { name: "l", type: "symlink", linkname: outside },
          { name: "l/x", content: "x" },
        ],
        403,
      ],
      [
        [
          { name: "m", type: "symlink", linkname: "../../.." },
          { name: "m/x", content: "x" },
        ],
        403,
      ],
      [[{ name: "h", type: "link", linkname: "was-there/precious" }], 403],
      [[{ name: "h", type: "link", linkname: "../../etc/passwd" }], 400],
      [[{ name: "pipe", type: "fifo" }], 400],
      [[{ name: "null", type: "character-device", devmajor: 1, devminor: 3 }], 400],
    ];
    for (const [items, status] of statuses) {
      const answer = await upload(sandbox, await archive(items));
      assert.equal(answer.status, status, `${JSON.stringify(items)} ${answer.text}`);
    }
    const through = [{ name: "was-there", content: "a file now" }];
    assert.equal((await upload(sandbox, await archive(through))).status, 200, "a link is replaced");
    assert.deepEqual(await readdir(outside), ["precious"]);
    assert.equal(await readFile(join(outside, "precious"), "utf8"), "keep");
    assert.equal(existsSync(join(sandbox.home, "x")), false);
  });

  test("an incomplete archive is rejected and leaves no partial file", async (t) => {
    const sandbox = await startSandbox(t);
    const body = await archive([{ name: "a", content: "a".repeat(5_000) }]);
    assert.equal((await upload(sandbox, body, "application/json")).status, 400);
    assert.equal((await upload(sandbox, body, "")).status, 400);
    assert.equal((await upload(sandbox, gzipSync(body))).status, 502);
    assert.equal((await upload(sandbox, randomBytes(5_000))).status, 502);
    assert.equal((await upload(sandbox, body.subarray(0, 2_000))).status, 502);
    assert.equal((await upload(sandbox, body, "application/gzip")).status, 502);
    assert.deepEqual(await readdir(join(sandbox.home, "to")), []);
    const small = await startSandbox(t, "unix", { limits: { maxFileBytes: body.length } });
    assert.equal((await upload(small, body)).status, 200);
    assert.equal((await upload(small, Buffer.concat([body, Buffer.alloc(1)]))).status, 413);
  });

  test("every tar format is accepted", async (t) => {
    const source = await temporary(t);
    await mkdir(join(source, "in"));
    await writeFile(join(source, "in/file"), "content", { mode: 0o750 });
    for (const format of ["v7", "oldgnu", "gnu", "ustar", "pax"]) {
      const sandbox = await startSandbox(t);
      const made = execFileSync("tar", ["-C", source, `--format=${format}`, "-cf", "-", "in"]);
      const answer = await upload(sandbox, new Uint8Array(made));
      assert.deepEqual(
        field(answer.value, "paths"),
        ["to/in", "to/in/file"].map((name) => join(sandbox.home, name)),
      );
      assert.equal(await readFile(join(sandbox.home, "to/in/file"), "utf8"), "content", format);
    }
  });

  test("a decompression bomb is rejected", async (t) => {
    const sandbox = await startSandbox(t);
    const { freeBytes, maxRatio } = unpackedLimits;
    const bomb = await archive([
      { name: "first", content: "x" },
      { name: "bomb", content: "\0".repeat(freeBytes) },
    ]);
    const packed = gzipSync(bomb, { level: 3 });
    assert.ok(bomb.length > maxRatio * packed.length);
    for (const [body, type] of [
      [packed, "application/gzip"],
      [zstdCompressSync(bomb), "application/zstd"],
    ] as const) {
      const answer = await upload(sandbox, body, type, "bombs");
      assert.deepEqual([answer.status, /200 times its size/.test(answer.text)], [413, true], answer.text);
      assert.deepEqual(await readdir(join(sandbox.home, "bombs")), ["first"], "no half of a file");
    }
    // The same size, with content that compresses less.
    const honest = await archive([{ name: "honest", content: randomBytes(freeBytes / 2).toString("hex") }]);
    assert.equal((await upload(sandbox, gzipSync(honest, { level: 1 }), "application/gzip")).status, 200);
  });

  test("1,024 paths are listed, and all are extracted", async (t) => {
    const sandbox = await startSandbox(t);
    const body = await archive(
      Array.from({ length: 1_025 }, (_, index) => ({ name: `f${index}`, content: "x" })),
    );
    const answer = await upload(sandbox, body);
    assert.deepEqual(
      [field(answer.value, "paths", "length"), field(answer.value, "truncated")],
      [1_024, true],
    );
    assert.equal((await readdir(join(sandbox.home, "to"))).length, 1_025);
  });
});

describe("download as a tar archive", () => {
  test("tar unpacks exactly the original tree", async (t) => {
    const sandbox = await startSandbox(t);
    const tree = join(sandbox.home, "tree");
    const elsewhere = await temporary(t);
    await mkdir(join(tree, "a/b"), { recursive: true });
    const big = randomBytes(1_000_000);
    await writeFile(join(tree, "a/b/big"), big);
    await writeFile(join(tree, "two\nlines 🦉"), "x");
    await writeFile(join(tree, "run"), "#!");
    await chmod(join(tree, "run"), 0o755);
    await symlink("/etc", join(tree, "link"));
    execFileSync("mkfifo", [join(tree, "pipe")]);
    for (const gzip of [false, true]) {
      const response = await sandbox.fetch(`${sandbox.url}/v1/fs/archive?path=tree&gzip=${gzip}`);
      assert.equal(response.headers.get("content-type"), gzip ? "application/gzip" : "application/x-tar");
      assert.match(response.headers.get("content-disposition") ?? "", gzip ? /tree\.tar\.gz$/ : /tree\.tar$/);
      const file = join(elsewhere, `archive-${gzip}`);
      await writeFile(file, Buffer.from(await response.arrayBuffer()));
      const to = join(elsewhere, `unpacked-${gzip}`);
      await mkdir(to);
      await run("tar", [gzip ? "-xzf" : "-xf", file, "-C", to]);
      assert.deepEqual((await readdir(to)).sort(), ["a", "link", "run", "two\nlines 🦉"]);
      assert.ok(big.equals(await readFile(join(to, "a/b/big"))));
      assert.equal((await stat(join(to, "run"))).mode & 0o777, 0o755);
      assert.equal(await readlink(join(to, "link")), "/etc", "links are not followed");
    }
    assert.equal((await call(sandbox, "GET", "archive?path=none")).status, 400);
    assert.equal((await call(sandbox, "GET", "archive?path=tree&gzip=1")).status, 400);
    const single = await sandbox.fetch(`${sandbox.url}/v1/fs/archive?path=tree/run`);
    const reading = extract();
    reading.end(Buffer.from(await single.arrayBuffer()));
    const names = [];
    for await (const entry of reading) {
      names.push(entry.header.name);
      entry.resume();
    }
    assert.deepEqual(names, ["run"]);
  });

  test("a disconnect of the client aborts the work", async (t) => {
    const sandbox = await startSandbox(t);
    await writeFile(join(sandbox.home, "big"), Buffer.alloc(30_000_000));
    const stop = new AbortController();
    const response = await sandbox.fetch(`${sandbox.url}/v1/fs/archive`, { signal: stop.signal });
    await response.body?.getReader().read();
    const isRead = () => isOpen(join(sandbox.home, "big"));
    // The garbage collector closes a leaked file handle with a warning.
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on("warning", warned);
    t.after(() => process.off("warning", warned));
    assert.ok(await isRead(), "the archive is begun");
    stop.abort();
    await until("the file is left alone", async () => !(await isRead()));
    await setImmediate();
    assert.deepEqual(warnings, []);
  });
});

describe("names", () => {
  test("a name that is not UTF-8 can be listed, read, moved and removed by its bytes", async (t) => {
    const sandbox = await startSandbox(t);
    const bytes = Buffer.from([0x61, 0xff, 0x62]);
    try {
      await writeFile(Buffer.concat([Buffer.from(`${sandbox.home}/`), bytes]), "odd");
    } catch {
      t.skip("this file system takes UTF-8 names only");
      return;
    }
    const listed = (await call(sandbox, "GET", "entries")).value;
    assert.equal(field(listed, 0, "name"), "a\uFFFDb");
    const encoded = String(field(listed, 0, "pathBase64"));
    assert.deepEqual(Buffer.from(encoded, "base64").subarray(-3), bytes);
    const query = `pathBase64=${encodeURIComponent(encoded)}`;
    assert.equal((await call(sandbox, "GET", `file?${query}`)).text, "odd");
    assert.equal((await call(sandbox, "PUT", `file?${query}`, { body: "new" })).status, 200);
    assert.equal((await call(sandbox, "GET", `file?${query}`)).text, "new");
    assert.equal((await readdir(sandbox.home)).length, 1, "no second file appeared");
    assert.equal((await call(sandbox, "DELETE", `entry?${query}`)).status, 200);
    assert.deepEqual(await readdir(sandbox.home), []);
  });

  test("ten thousand entries are listed, in order", async (t) => {
    const sandbox = await startSandbox(t);
    const many = join(sandbox.home, "many");
    await run("sh", ["-c", `mkdir "$1" && cd "$1" && seq -f '%05.0f' 1 10000 | xargs touch`, "sh", many]);
    const { value } = await call(sandbox, "GET", "entries?path=many");
    assert.equal(field(value, "length"), 10_000);
    assert.equal(field(value, 0, "name"), "00001");
    assert.equal(field(value, 9_999, "path"), join(many, "10000"));
    assert.match(String(field(value, 0, "modified")), /^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{9}\+00:00$/);
  });

  test(".. in an absolute path applies after links, and is rejected in a relative one", async (t) => {
    const sandbox = await startSandbox(t);
    const { work, home } = sandbox;
    await mkdir(join(work, "far/near"), { recursive: true });
    await symlink(join(work, "far/near"), join(work, "link"));
    await writeFile(join(work, "far/file"), "far");
    await writeFile(join(work, "file"), "near");
    const up = `${work}/link/../file`;
    assert.equal((await call(sandbox, "GET", `file?path=${up}`)).text, "far");
    assert.equal((await call(sandbox, "GET", `file?path=${work}/./far//../file`)).text, "near");
    assert.equal(field((await call(sandbox, "GET", `stat?path=${up}`)).value, "path"), up);
    assert.equal((await call(sandbox, "PUT", `file?path=${work}/link/../new`, { body: "x" })).status, 200);
    assert.equal(await readFile(join(work, "far/new"), "utf8"), "x");
    assert.equal((await move(sandbox, { from: up, to: `${work}/far/../moved` })).status, 200);
    assert.equal(await readFile(join(work, "moved"), "utf8"), "far");
    const deleted = await call(sandbox, "DELETE", `entry?path=${work}/link/..&recursive=true`);
    assert.equal(deleted.status, 400, "what is deleted is named");
    for (const path of ["../x", "a/../../x", "~/../x"]) {
      assert.equal((await call(sandbox, "GET", `file?path=${path}`)).status, 400, path);
    }
    assert.deepEqual(await readdir(home), []);
  });

  test("a trailing slash requires a directory", async (t) => {
    const sandbox = await startSandbox(t);
    await mkdir(join(sandbox.work, "folder"));
    await writeFile(join(sandbox.work, "file"), "x");
    const status = async (method: string, path: string) =>
      (
        await call(
          sandbox,
          method,
          `${path.replace("=", `=${sandbox.work}/`)}`,
          method === "PUT" ? { body: "y" } : {},
        )
      ).status;
    assert.equal(await status("GET", "file?path=file/"), 400);
    assert.equal(await status("GET", "stat?path=file/"), 400);
    assert.equal(await status("PUT", "file?path=file/"), 502);
    assert.equal(await status("PUT", "file?path=new/"), 502);
    for (const route of ["stat", "entries"]) assert.equal(await status("GET", `${route}?path=folder/`), 200);
    assert.equal(await status("POST", "mkdir?path=made/"), 200);
    assert.equal(await status("DELETE", "entry?path=file/"), 400);
    const { work } = sandbox;
    const moved = async (from: string, to: string) =>
      (await move(sandbox, { from: `${work}/${from}`, to: `${work}/${to}` })).status;
    assert.equal(await moved("file/", "other"), 400);
    assert.equal(await moved("file", "other/"), 400, "it would be no directory");
    assert.deepEqual((await readdir(work)).sort(), ["README.md", "file", "folder", "made"]);
    assert.equal(await readFile(join(work, "file"), "utf8"), "x");
    assert.equal(await moved("folder/", "other/"), 200);
    assert.equal(await status("DELETE", "entry?path=other/"), 200);
    await symlink("made", join(work, "link"));
    assert.equal(await status("DELETE", "entry?path=link/"), 200, "what is deleted is the link");
    assert.deepEqual((await readdir(work)).sort(), ["README.md", "file", "made"]);
  });

  test("links are reported as links", async (t) => {
    const sandbox = await startSandbox(t);
    await symlink("somewhere", join(sandbox.home, "l"));
    const listed = (await call(sandbox, "GET", "entries")).value;
    assert.deepEqual(
      [field(listed, 0, "entryType"), field(listed, 0, "special"), field(listed, 0, "target")],
      ["file", "symlink", "somewhere"],
    );
  });
});

test("an interrupted archive leaves no partial file", async (t) => {
  const sandbox = await startSandbox(t, "tcp");
  const stop = new AbortController();
  const packing = pack();
  packing.entry({ name: "f", size: 1_000_000 }).write(Buffer.alloc(400_000));
  const source = new ReadableStream<Uint8Array>({
    async start(controller) {
      let sent = 0;
      for await (const chunk of packing) {
        if (Buffer.isBuffer(chunk)) controller.enqueue(new Uint8Array(chunk));
        sent += Buffer.isBuffer(chunk) ? chunk.length : 0;
        if (sent > 400_000) return;
      }
    },
  });
  const init = { method: "POST", body: source, duplex: "half" as const, signal: stop.signal };
  const headers = { "content-type": "application/x-tar" };
  const writing = sandbox.fetch(`${sandbox.url}/v1/fs/upload-batch?path=to`, { ...init, headers });
  const to = join(sandbox.home, "to");
  while (!existsSync(to) || (await readdir(to)).length === 0) {
    await setImmediate();
  }
  stop.abort();
  await assert.rejects(writing);
  await sandbox.close();
  assert.deepEqual(await readdir(to), []);
});

test("an interrupted body leaves no file and no temporary file", async (t) => {
  const sandbox = await startSandbox(t, "tcp");
  const stop = new AbortController();
  const source = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(100_000)),
  });
  const init = { method: "PUT", body: source, duplex: "half" as const, signal: stop.signal };
  const writing = sandbox.fetch(`${sandbox.url}/v1/fs/file?path=f`, init);
  while (!(await readdir(sandbox.home)).some((name) => name.endsWith(".tmp"))) {
    await setImmediate();
  }
  stop.abort();
  await assert.rejects(writing);
  await sandbox.close();
  assert.deepEqual(await readdir(sandbox.home), []);
});
