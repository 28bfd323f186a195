import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPublicKey } from "node:crypto";
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode, systemClock } from "@holdfast/core";
import { copyAuditLog, exportRecords, openAudit, parseCheckpoint } from "@holdfast/gate";
import { AuditLog } from "../src/audit/audit-log.ts";
import { AuditReader } from "../src/audit/audit-reader.ts";
import {
  type AuditCheckpoint,
  CheckpointFile,
  CheckpointKey,
  CheckpointVerifier,
  checkpointsOf,
  readCheckpoints,
} from "../src/audit/checkpoint.ts";
import { auditLimits, genesis } from "../src/audit/record.ts";
import { closedPath, closedSegments, openSegments } from "../src/audit/segments.ts";
import { missing, openGate, temporaryDirectory } from "./support.ts";

async function openSigned(dataDir: string, maxFileBytes?: number): Promise<AuditLog> {
  const key = await CheckpointKey.open(join(dataDir, "vault"));
  return AuditLog.open(join(dataDir, "gate", "audit.log"), systemClock, undefined, key, maxFileBytes);
}

/** A closed log with this many records, signed at its start and at its end. */
async function written(t: TestContext, records: number): Promise<{ dataDir: string; path: string }> {
  const dataDir = temporaryDirectory(t);
  const log = await openSigned(dataDir);
  for (let first = 0; first < records; first += 500) {
    const batch = Array.from({ length: Math.min(500, records - first) }, (_, n) => ({ n: first + n }));
    await Promise.all(batch.map((data) => log.append({ type: "effect", data })));
  }
  await log.close();
  return { dataDir, path: join(dataDir, "gate", "audit.log") };
}

const isCorrupt = (error: unknown) => isErrorCode(error, "audit", "corrupt");

describe("the checkpoints of the audit log", () => {
  test("are written by the gate, with a key that is only the host's", async (t) => {
    const dataDir = temporaryDirectory(t);
    const gate = await openGate(t, { dataDir });
    await gate.audit.append({ type: "effect" });
    await gate.close();
    const verified = await (await openAudit(dataDir)).verify();
    assert.deepEqual(
      [verified.ok, verified.checkpoints, verified.signedTo],
      [true, 2, verified.records],
      "the start and the end",
    );
    assert.equal(statSync(CheckpointKey.pathIn(join(dataDir, "vault"))).mode & 0o777, 0o600);
    assert.equal(statSync(join(dataDir, "gate", "audit.checkpoints")).mode & 0o777, 0o600);
  });

  test("are whole lines, also after one that did not fit on the disk", {
    skip: missing("prlimit"),
  }, async (t) => {
    const directory = temporaryDirectory(t);
    const path = join(directory, "audit.checkpoints");
    const key = await CheckpointKey.open(directory);
    const signed = (seq: number) => key.sign({ seq, hash: genesis, size: seq, at: 0 });
    /** What the system lets this process write into one file, at most. */
    const bound = (bytes: number | "unlimited") =>
      execFileSync("prlimit", [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
    const { file } = await CheckpointFile.open(path);
    await file.append(signed(1));
    const { size } = statSync(path);
    bound(size + 50);
    try {
      await assert.rejects(file.append(signed(2)), { code: "EFBIG" });
    } finally {
      bound("unlimited");
    }
    assert.equal(statSync(path).size, size + 50, "a part of it is there");
    await file.append(signed(3));
    await file.close();
    const { file: again, last } = await CheckpointFile.open(path);
    await again.close();
    assert.equal(last?.seq, 3);
    const all: (number | undefined)[] = [];
    for await (const each of readCheckpoints(path)) all.push(each?.seq);
    assert.deepEqual(all, [1, 3]);
  });

  test("show that whole records were cut off the end, and such a log is not continued", async (t) => {
    const { dataDir, path } = await written(t, 5);
    const whole = readFileSync(path);
    const ends = [...whole.entries()].filter(([, byte]) => byte === 0x0a).map(([at]) => at + 1);
    for (const [kept, size] of [[0, 0] as const, ...ends.slice(0, -1).map((at, n) => [n + 1, at] as const)]) {
      writeFileSync(path, whole.subarray(0, size));
      const { ok, problem } = await (await openAudit(dataDir)).verify();
      assert.deepEqual([ok, problem], [false, `${5 - kept} signed records are missing at the end`]);
      await assert.rejects(openSigned(dataDir), (error: Error) => {
        assert.match(error.message, new RegExp(`: ${5 - kept} signed records are missing`));
        return isCorrupt(error);
      });
    }
    writeFileSync(path, whole);
    assert.equal((await (await openAudit(dataDir)).verify()).ok, true);
  });

  test("show a log that was written anew with hashes that fit", async (t) => {
    const { dataDir, path } = await written(t, 3);
    const other = await written(t, 3);
    copyFileSync(other.path, path);
    assert.equal((await (await openAudit(other.dataDir)).verify()).ok, true, "the other log is sound");
    const { ok, line, problem } = await (await openAudit(dataDir)).verify();
    assert.deepEqual([ok, line, problem], [false, 3, "a checkpoint signs another record here"]);
    await assert.rejects(openSigned(dataDir), isCorrupt);
    copyFileSync(checkpointsOf(other.path), checkpointsOf(path));
    assert.match((await (await openAudit(dataDir)).verify()).problem ?? "", /signed with another key/);
    await assert.rejects(openSigned(dataDir), isCorrupt);
  });

  test("show that they were put in another order, and that the last of them is damaged", async (t) => {
    const { dataDir, path } = await written(t, 1);
    const again = await openSigned(dataDir);
    await again.append({ type: "effect" });
    await again.close();
    const lines = readFileSync(checkpointsOf(path), "utf8").trim().split("\n");
    const [first = "", ...rest] = lines;
    const last = rest.pop() ?? "";
    assert.ok(rest.length > 0);
    writeFileSync(checkpointsOf(path), `${[first, last, ...rest].join("\n")}\n`);
    const { ok, problem } = await (await openAudit(dataDir)).verify();
    assert.deepEqual([ok, problem], [false, "the checkpoints are out of order"]);
    writeFileSync(checkpointsOf(path), `${[first, ...rest, last.replace("hash", "hush")].join("\n")}\n`);
    await assert.rejects(openSigned(dataDir), (error: Error) => {
      assert.match(error.message, /its last checkpoint is damaged/);
      return isCorrupt(error);
    });
  });

  test("show their own absence, and every changed byte of theirs", async (t) => {
    const { dataDir, path } = await written(t, 2);
    const checkpoints = checkpointsOf(path);
    const good = readFileSync(checkpoints);
    rmSync(checkpoints);
    assert.equal((await (await openAudit(dataDir)).verify()).problem, "its checkpoints are missing");
    await assert.rejects(openSigned(dataDir), isCorrupt);
    for (let at = 0; at < good.length - 1; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 0x01;
      writeFileSync(checkpoints, bad);
      const { ok, problem } = await (await openAudit(dataDir)).verify();
      // The last bits of a signature in base64 carry nothing.
      if (ok) assert.deepEqual(parsedLines(bad), parsedLines(good), `byte ${at}: ${problem}`);
    }
  });

  test("kept elsewhere show that log and checkpoints were cut off together", async (t) => {
    const { dataDir, path } = await written(t, 4);
    const kept = await (await openAudit(dataDir)).checkpoint();
    assert.equal(kept?.seq, 4);
    const reader = await openAudit(dataDir);
    assert.equal((await reader.verify(kept)).ok, true);
    const first = readFileSync(path).indexOf(0x0a) + 1;
    truncateSync(path, first);
    writeFileSync(checkpointsOf(path), `${readFileSync(checkpointsOf(path), "utf8").split("\n")[0]}\n`);
    assert.equal((await reader.verify()).ok, true, "without it, nothing shows");
    const { ok, problem } = await reader.verify(kept);
    assert.deepEqual([ok, problem], [false, "the kept checkpoint signs 4 records; the end was cut off"]);
    // The public half is enough, on another machine.
    const { publicKey } = await CheckpointKey.open(join(dataDir, "vault"));
    assert.equal((await (await openAudit(dataDir, publicKey)).verify(kept)).ok, false);
  });

  test("kept elsewhere show a log that was written anew with the same key, and are believed only as signed", async (t) => {
    const { dataDir, path } = await written(t, 4);
    const kept = await (await openAudit(dataDir)).checkpoint();
    assert.ok(kept);
    const changed = { ...kept, at: kept.at + 1 };
    assert.match(
      (await (await openAudit(dataDir)).verify(changed)).problem ?? "",
      /^the kept checkpoint is invalid: /,
    );
    rmSync(dirname(path), { recursive: true });
    const log = await openSigned(dataDir);
    for (let n = 0; n < 4; n++) await log.append({ type: "another", data: { n } });
    await log.close();
    const reader = await openAudit(dataDir);
    assert.equal((await reader.verify()).ok, true, "without it, nothing shows");
    assert.equal((await reader.verify(kept)).problem, "the kept checkpoint signs another record here");
  });

  test("come each thousand records, and a query begins at the nearest", async (t) => {
    const { dataDir, path } = await written(t, 2 * auditLimits.checkpointEvery + 10);
    const lines = readFileSync(checkpointsOf(path), "utf8").trim().split("\n");
    assert.ok(lines.length >= 3, `${lines.length} checkpoints`);
    const middle = parseCheckpoint(lines[1] ?? "");
    assert.ok(middle !== undefined);
    const reader = await openAudit(dataDir);
    const [next] = await reader.query({ after: middle.seq, limit: 1 });
    assert.equal(next?.seq, middle.seq + 1);
    // What stands before is not even read: it may be anything.
    const content = readFileSync(path);
    content.fill(0x20, 0, middle.size);
    writeFileSync(path, content);
    assert.equal((await reader.query({ after: middle.seq, limit: 1 }))[0]?.seq, middle.seq + 1);
    assert.equal((await reader.verify()).ok, false);
    assert.deepEqual(
      (await reader.query({ newest: true, limit: 2 })).map((each) => each.seq),
      [2 * auditLimits.checkpointEvery + 9, 2 * auditLimits.checkpointEvery + 10],
    );
  });

  test("begin where a log of an earlier version ends", async (t) => {
    const dataDir = temporaryDirectory(t);
    const path = join(dataDir, "gate", "audit.log");
    const old = await AuditLog.open(path, systemClock);
    await old.append({ type: "old" });
    await old.close();
    const log = await openSigned(dataDir);
    await log.append({ type: "new" });
    await log.close();
    const verified = await (await openAudit(dataDir)).verify();
    assert.deepEqual(verified, { ok: true, records: 2, checkpoints: 2, signedTo: 2 });
  });
});

test("a log that cannot be read is not taken for none", async (t) => {
  const directory = temporaryDirectory(t);
  const looped = join(directory, "audit.log");
  symlinkSync("audit.log", looped);
  const code = (expected: string) => (error: NodeJS.ErrnoException) => error.code === expected;
  await assert.rejects(openSegments(looped).next(), code("ELOOP"));
  writeFileSync(join(directory, "file"), "");
  await assert.rejects(closedSegments(join(directory, "file", "audit.log")), code("ENOTDIR"));
  assert.deepEqual(await closedSegments(join(directory, "none", "audit.log")), []);
  assert.equal((await openSegments(join(directory, "none", "audit.log")).next()).done, true);
});

test("records are exported as JSON lines and as CSV in which nothing becomes a formula", async (t) => {
  const dataDir = temporaryDirectory(t);
  const log = await openSigned(dataDir);
  await log.append({ type: "a", session: "=1+1", jailId: 'j"1', data: { text: "x,y" } });
  await log.append({ type: "b" });
  await log.close();
  const reader = await openAudit(dataDir);
  const text = async (format: "jsonl" | "csv", type: string) => {
    let all = "";
    for await (const line of exportRecords(reader.records({ type }), format)) all += line;
    return all;
  };
  const [record] = await reader.query();
  assert.deepEqual(JSON.parse(await text("jsonl", "a")), record);
  const [head, row, ...rest] = (await text("csv", "*")).trimEnd().split("\r\n");
  assert.equal(head, "seq,at,type,jailId,session,data,prev,hash");
  const expected = `1,${new Date(record?.at ?? 0).toISOString()},a,"j""1",'=1+1,"{""text"":""x,y""}",${record?.prev},${record?.hash}`;
  assert.equal(row, expected);
  assert.equal(rest.length, 1);
  mkdirSync(join(dirname(reader.path), "empty"));
  assert.deepEqual(await (await openAudit(join(dataDir, "none"))).verify(), { ok: true, records: 0 });
});

function parsedLines(content: Buffer): unknown[] {
  return content
    .toString("utf8")
    .trim()
    .split("\n")
    .map((line) => {
      const checkpoint = parseCheckpoint(line);
      return {
        ...checkpoint,
        signature: Buffer.from(checkpoint?.signature ?? "", "base64url").toString("hex"),
      };
    });
}

describe("the files of the audit log", () => {
  const names = (dataDir: string) =>
    readdirSync(join(dataDir, "gate"))
      .filter((name) => /^audit.*\.log$/.test(name))
      .sort();

  /** Several files of which each is a little more than 2,000 bytes, written over two starts. */
  async function rotated(t: TestContext) {
    const dataDir = temporaryDirectory(t);
    for (let start = 0; start < 2; start++) {
      const log = await openSigned(dataDir, 2_000);
      for (let n = 0; n < 30; n++) await log.append({ type: "effect", data: { n: start * 30 + n } });
      await log.close();
    }
    return dataDir;
  }

  test("are closed when they are full, and are one chain: checked, asked and exported over all", async (t) => {
    const dataDir = await rotated(t);
    const files = names(dataDir);
    assert.ok(files.length >= 6, files.join(" "));
    assert.equal(files[0], "audit.000000000001.log");
    assert.equal(files.at(-1), "audit.log");
    for (const name of files.slice(0, -1)) {
      const { size, mode } = statSync(join(dataDir, "gate", name));
      assert.ok(size >= 2_000 && size < 2_400, `${name} has ${size} bytes`);
      assert.equal(mode & 0o777, 0o600);
    }
    const reader = await openAudit(dataDir);
    const verified = await reader.verify();
    assert.deepEqual([verified.ok, verified.records, verified.signedTo], [true, 60, 60]);
    const numbers = async (query: Parameters<typeof reader.query>[0]) =>
      (await reader.query(query)).map(({ data }) => data?.["n"]);
    assert.deepEqual(
      await numbers({}),
      Array.from({ length: 60 }, (_, n) => n),
    );
    assert.deepEqual(await numbers({ newest: true, limit: 3 }), [57, 58, 59]);
    assert.deepEqual(await numbers({ after: 41, limit: 2 }), [41, 42]);
    const lines: string[] = [];
    for await (const line of exportRecords(reader.records(), "jsonl")) lines.push(line);
    assert.equal(lines.length, 60);
    const kept = await reader.checkpoint();
    assert.ok(kept);
    const copy = temporaryDirectory(t);
    mkdirSync(join(copy, "gate"), { recursive: true });
    await copyAuditLog(join(dataDir, "gate", "audit.log"), join(copy, "gate"));
    assert.deepEqual(names(copy), files);
    assert.deepEqual((await (await openAudit(copy)).verify(kept)).records, 60);
  });

  test("are missed, whichever is gone, and a changed byte in any is found", async (t) => {
    const dataDir = await rotated(t);
    const reader = await openAudit(dataDir);
    for (const name of names(dataDir)) {
      const path = join(dataDir, "gate", name);
      const content = readFileSync(path);
      if (content.length === 0) continue;
      rmSync(path);
      const gone = await reader.verify();
      assert.equal(gone.ok, false, `${name} was taken away`);
      assert.match(gone.problem ?? "", /missing/);
      await assert.rejects(openSigned(dataDir, 2_000), isCorrupt);
      const changed = Buffer.from(content);
      changed[20] = (changed[20] ?? 0) ^ 1;
      writeFileSync(path, changed);
      assert.equal((await reader.verify()).ok, false, `${name} was changed`);
      writeFileSync(path, content);
      assert.equal((await reader.verify()).ok, true);
    }
  });

  test("are not continued where a full one is torn, or the first record of the last is damaged", async (t) => {
    const dataDir = temporaryDirectory(t);
    const log = await openSigned(dataDir);
    for (let n = 0; n < 3; n++) await log.append({ type: "effect" });
    await log.close();
    const path = join(dataDir, "gate", "audit.log");
    const whole = readFileSync(path);
    const damaged = Buffer.from(whole);
    damaged[20] = (damaged[20] ?? 0) ^ 1;
    writeFileSync(path, damaged);
    await assert.rejects(openSigned(dataDir), isCorrupt);
    rmSync(path);
    const full = join(dataDir, "gate", "audit.000000000001.log");
    writeFileSync(full, Buffer.concat([whole, Buffer.from('{"version":1')]));
    await assert.rejects(openSigned(dataDir), isCorrupt);
    writeFileSync(full, whole);
    await (await openSigned(dataDir)).close();
  });

  test("go on after a crash between the closing of one and the beginning of the next", async (t) => {
    const dataDir = temporaryDirectory(t);
    const log = await openSigned(dataDir);
    for (let n = 0; n < 5; n++) await log.append({ type: "effect" });
    await log.close();
    const path = join(dataDir, "gate", "audit.log");
    renameSync(path, path.replace(/log$/, "000000000001.log"));
    const again = await openSigned(dataDir, 2_000);
    await again.append({ type: "after" });
    const verified = await again.verify();
    assert.equal(verified.ok, true, verified.problem);
    assert.equal((await again.query({ type: "after" })).length, 1);
    await again.close();
  });
});

test("a log that goes on in its next file while it is verified lacks none of what is signed meanwhile", async (t) => {
  const { dataDir, path } = await written(t, 10);
  const lines = readFileSync(path, "utf8").split(/(?<=\n)/);
  const key = await CheckpointKey.open(join(dataDir, "vault"));
  const end = (seq: number) => {
    const { hash } = JSON.parse(lines[seq - 1] ?? "{}") as { hash: string };
    const size = Buffer.byteLength(lines.slice(0, seq).join(""));
    return `${JSON.stringify(key.sign({ seq, hash, size, at: 1 }))}\n`;
  };
  const [start = ""] = readFileSync(checkpointsOf(path), "utf8").split(/(?<=\n)/);
  // More than what is read of them at once, before the log is.
  writeFileSync(checkpointsOf(path), start + end(1).repeat(3_000) + end(5));
  writeFileSync(path, lines.slice(0, 5).join(""));
  class Watching extends CheckpointVerifier {
    #believed = 0;

    override fault(checkpoint: AuditCheckpoint): string | undefined {
      this.#believed += 1;
      if (this.#believed === 100) {
        renameSync(path, closedPath(path, 1));
        writeFileSync(path, lines.slice(5).join(""));
        appendFileSync(checkpointsOf(path), end(10));
      }
      return super.fault(checkpoint);
    }
  }
  const verifier = new Watching(createPublicKey(key.publicKey));
  const { ok, records, problem } = await new AuditReader(path, verifier).verify();
  assert.deepEqual([ok, records, problem], [true, 5, undefined]);
  assert.equal((await new AuditReader(path, key.verifier).verify()).records, 10);
});
