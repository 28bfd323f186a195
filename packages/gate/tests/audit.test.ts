import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { open as openFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createLogger, isErrorCode, type LogRecord, systemClock } from "@holdfast/core";
import { verifyAuditLog } from "@holdfast/gate";
import { AuditLog } from "../src/audit/audit-log.ts";
import { auditLimits } from "../src/audit/record.ts";
import { isRoot, temporaryDirectory } from "./support.ts";

async function open(t: TestContext, path = join(temporaryDirectory(t), "gate", "audit.log")) {
  const log = await AuditLog.open(path, systemClock);
  t.after(() => log.close().catch(() => {}));
  return { log, path };
}

/** A write and a sync of a file of its own, through the same queue of file operations. */
async function syncElsewhere(t: TestContext): Promise<void> {
  const file = await openFile(join(temporaryDirectory(t), "elsewhere"), "w");
  await file.appendFile("x");
  await file.datasync();
  await file.close();
}

describe("the audit log", () => {
  test("chains records, shares syncs, survives a restart and answers questions", async (t) => {
    const { log, path } = await open(t);
    const records = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        log.append({ type: n % 2 ? "odd" : "even", session: `s${n % 3}`, data: { n } }),
      ),
    );
    assert.deepEqual(
      records.map((each) => each.seq),
      Array.from({ length: 200 }, (_, n) => n + 1),
    );
    assert.ok(records.every((each, n) => n === 0 || each.prev === records[n - 1]?.hash));
    assert.deepEqual(await log.verify(), { ok: true, records: 200 });
    await log.close();
    const again = await open(t, path);
    const next = await again.log.append({ type: "after", jailId: "j" });
    assert.deepEqual([next.seq, next.prev], [201, records.at(-1)?.hash]);
    assert.deepEqual(await verifyAuditLog(path), { ok: true, records: 201 });
    assert.equal((await again.log.query({ type: "odd", session: "s1" })).length, 34);
    assert.deepEqual(
      (await again.log.query({ after: 199 })).map((each) => each.seq),
      [200, 201],
    );
    assert.deepEqual(await again.log.query({ jailId: "j" }), [next]);
    const whole = await again.log.query();
    const later = whole.filter(({ at }) => at >= next.at);
    assert.deepEqual(await again.log.query({ since: next.at }), later);
    assert.deepEqual(await again.log.query({ since: next.at + 1 }), []);
    assert.equal((await again.log.query({ limit: 5 })).length, 5);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("writes what is over with the next record that holds back an effect, or after a moment", async (t) => {
    const { log, path } = await open(t);
    const types = () => readFileSync(path, "utf8").match(/"type":"[^"]*"/g) ?? [];
    t.mock.timers.enable({ apis: ["setTimeout"] });
    const first = log.note({ type: "result-1" });
    // A sync that it had begun alone would be over before this one.
    await syncElsewhere(t);
    assert.deepEqual(types(), []);
    await log.append({ type: "call-2" });
    await first;
    assert.deepEqual(types(), ['"type":"result-1"', '"type":"call-2"']);
    const second = log.note({ type: "result-2" });
    t.mock.timers.tick(auditLimits.maxNoteDelayMs);
    await second;
    assert.equal(types().length, 3);
    const third = log.note({ type: "result-3" });
    assert.equal(
      (await log.query({ type: "result-3" })).length,
      1,
      "who asks meets all that was told before",
    );
    await third;
    const [call, fourth] = [log.append({ type: "call-4" }), log.note({ type: "result-4" })];
    await log.close();
    await Promise.all([call, fourth]);
    assert.deepEqual(await verifyAuditLog(path), { ok: true, records: 6 });
  });

  test("shows every changed byte, and a record that is gone or moved", async (t) => {
    const { log, path } = await open(t);
    for (let n = 0; n < 4; n++) await log.append({ type: "effect", data: { text: `é${n}` } });
    const good = readFileSync(path);
    for (let at = 0; at < good.length; at++) {
      const bad = Buffer.from(good);
      bad[at] = (bad[at] ?? 0) ^ 0x01;
      writeFileSync(path, bad);
      assert.equal((await verifyAuditLog(path)).ok, false, `byte ${at}`);
    }
    const lines = good.toString("utf8").split("\n");
    const without = (line: number) => lines.filter((_, index) => index !== line).join("\n");
    for (const line of [0, 1, 2]) {
      writeFileSync(path, without(line));
      const { ok, line: at } = await verifyAuditLog(path);
      assert.deepEqual([ok, at], [false, line + 1]);
    }
    writeFileSync(path, good);
    assert.equal((await verifyAuditLog(path)).ok, true);
  });

  test("cuts off a last line that a crash tore, at every length, and says so", async (t) => {
    const { log, path } = await open(t);
    await log.append({ type: "first" });
    await log.append({ type: "second" });
    await log.close();
    const whole = readFileSync(path);
    const start = whole.indexOf("\n") + 1;
    for (let length = start + 1; length < whole.length; length += 17) {
      writeFileSync(path, whole);
      truncateSync(path, length);
      const recovered = await AuditLog.open(path, systemClock);
      const records = await recovered.query();
      await recovered.close();
      assert.deepEqual(
        records.map((each) => each.type),
        ["first", "audit.recovered"],
      );
      assert.deepEqual(records[1]?.data, { droppedBytes: length - start });
      assert.equal((await verifyAuditLog(path)).ok, true);
    }
  });

  test("does not go on after a damaged end", async (t) => {
    const { log, path } = await open(t);
    await log.append({ type: "first" });
    await log.close();
    appendFileSync(path, "nonsense\n");
    await assert.rejects(AuditLog.open(path, systemClock), (error: unknown) =>
      isErrorCode(error, "audit", "corrupt"),
    );
  });

  test("does not cut off what is longer than a record and has no end", async (t) => {
    const { log, path } = await open(t);
    await log.close();
    const text = "x".repeat(3 * auditLimits.maxRecordBytes);
    writeFileSync(path, text);
    await assert.rejects(AuditLog.open(path, systemClock), (error: unknown) =>
      isErrorCode(error, "audit", "corrupt"),
    );
    assert.equal(readFileSync(path, "utf8"), text);
  });

  test("refuses a record that is too large, and takes the next", async (t) => {
    const { log } = await open(t);
    const large = { type: "large", data: { text: "x".repeat(auditLimits.maxRecordBytes) } };
    const [refused, taken] = await Promise.allSettled([log.append(large), log.append({ type: "small" })]);
    assert.equal(refused.status, "rejected");
    assert.equal(taken.status === "fulfilled" && taken.value.seq, 1);
    assert.equal((await log.verify()).ok, true);
  });

  test("a record that is lost after the fact is told in the log of the host", async (t) => {
    const told: LogRecord[] = [];
    const path = join(temporaryDirectory(t), "gate", "audit.log");
    const log = await AuditLog.open(
      path,
      systemClock,
      createLogger("error", (record) => told.push(record)),
    );
    await log.note({ type: "jail.exit", jailId: "a" });
    assert.equal((await log.query()).length, 1);
    assert.deepEqual(told, []);
    await log.close();
    await log.note({ type: "jail.exit", jailId: "b" });
    assert.deepEqual(
      told.map(({ message, fields }) => [message, fields["type"], fields["jailId"]]),
      [["an audit record was lost", "jail.exit", "b"]],
    );
  });

  test("on a full disk: no record, no effect; goes on when there is room", {
    skip: !isRoot && "needs root to mount a small disk",
  }, async (t) => {
    const disk = temporaryDirectory(t);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], {
      encoding: "utf8",
    });
    assert.equal(mounted.status, 0, mounted.stderr);
    try {
      mkdirSync(join(disk, "gate"));
      const log = await AuditLog.open(join(disk, "gate", "audit.log"), systemClock);
      await log.append({ type: "before" });
      const filler = join(disk, "filler");
      spawnSync("dd", ["if=/dev/zero", `of=${filler}`, "bs=4k"]);
      assert.ok(existsSync(filler));
      const data = { text: "x".repeat(10_000) };
      await assert.rejects(log.append({ type: "lost", data }), (error: unknown) =>
        isErrorCode(error, "audit", "unavailable"),
      );
      truncateSync(filler, 0);
      await log.append({ type: "after", data });
      assert.deepEqual(
        (await log.query()).map((each) => each.type),
        ["before", "after"],
      );
      assert.deepEqual(await log.verify(), { ok: true, records: 2 });
      await log.close();
    } finally {
      // Before the directory goes, which happens in the order of the hooks.
      spawnSync("umount", ["--lazy", disk]);
    }
  });
});
