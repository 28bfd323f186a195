import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { AuditPages, decisionOf } from "./audit-pages.ts";

const count = 100_000;

/** A data directory with a log of `count` records: one of a hundred is a refusal, by ada. */
function makeLog(t: TestContext): { readonly directory: string; readonly path: string } {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-audit-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(join(directory, "gate"), { recursive: true });
  let prev = "0".repeat(64);
  const lines: string[] = [];
  const checkpoints: string[] = [];
  let size = 0;
  for (let seq = 1; seq <= count; seq += 1) {
    const isRefusal = seq % 100 === 0;
    const body = JSON.stringify({
      ...{ version: 1, seq, at: 1_000_000 + seq, type: isRefusal ? "egress.denied" : "egress.request" },
      ...{ session: `s${seq % 3}`, data: isRefusal ? { person: "Ada" } : {}, prev },
    });
    prev = createHash("sha256").update(body).digest("hex");
    const line = `${body.slice(0, -1)},"hash":"${prev}"}\n`;
    lines.push(line);
    size += Buffer.byteLength(line);
    // As a gate writes them: a reader finds a record by them without reading the log from its beginning.
    const checkpoint = { version: 1, seq, hash: prev, size, at: 0, key: "none", signature: "none" };
    if (seq % 1_000 === 0) checkpoints.push(`${JSON.stringify(checkpoint)}\n`);
  }
  const path = join(directory, "gate", "audit.log");
  writeFileSync(path, lines.join(""));
  writeFileSync(join(directory, "gate", "audit.checkpoints"), checkpoints.join(""));
  return { directory, path };
}

test("pages of 100,000 records are complete and in order, the newest first, with and without filters", async (t) => {
  const { directory } = makeLog(t);
  const pages = new AuditPages(directory);
  const first = await pages.page({ limit: 100 });
  assert.deepEqual(
    [first.newest, first.records[0]?.seq, first.records.at(-1)?.seq],
    [count, count, count - 99],
  );
  const second = await pages.page({
    limit: 100,
    ...(first.cursor === undefined ? {} : { cursor: first.cursor }),
  });
  assert.deepEqual([second.records[0]?.seq, second.records.length], [count - 100, 100]);
  const refused: number[] = [];
  let cursor: number | undefined;
  let requests = 0;
  do {
    const page = await pages.page({
      ...{ limit: 500, decision: "deny", person: "ada", type: "egress" },
      ...(cursor === undefined ? {} : { cursor }),
    });
    refused.push(...page.records.map(({ seq }) => seq));
    cursor = page.cursor;
    requests += 1;
  } while (cursor !== undefined);
  assert.deepEqual(
    refused,
    Array.from({ length: count / 100 }, (_, index) => count - index * 100),
  );
  assert.ok(requests <= 5, `${requests} pages`);
  const some = await pages.page({ limit: 10, sessions: ["s1"], since: 1_000_010, until: 1_000_020 });
  const older = await pages.page({ limit: 10, sessions: ["s1"], until: 1_000_020, cursor: 30 });
  assert.deepEqual(some.records, [], "the search of a page has a bound");
  assert.ok(some.cursor !== undefined);
  assert.deepEqual(
    older.records.map(({ seq }) => seq),
    [19, 16, 13, 10, 7, 4, 1],
  );
  assert.equal(older.cursor, undefined);
});

test("verification finds one changed byte, and names the first bad record and the last good one", async (t) => {
  const { directory, path } = makeLog(t);
  const pages = new AuditPages(directory);
  const intact = await pages.verify(() => 5);
  assert.deepEqual([intact.isIntact, intact.records], [true, count]);
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace('"seq":70000,"at":1070000', '"seq":70000,"at":1070001'));
  const broken = await pages.verify(() => 5);
  assert.deepEqual(
    [broken.isIntact, broken.badRecord, broken.records, broken.lastGood?.seq, broken.problem],
    [false, 70_000, 69_999, 69_999, "the hash does not match"],
  );
});

test("a record of a refusal is a denial, and one without a decision is none", () => {
  assert.equal(decisionOf({ type: "tool.call", data: { decision: "ask" } }), "ask");
  assert.equal(decisionOf({ type: "tool.refused" }), "deny");
  assert.equal(decisionOf({ type: "person.sign_in_refused" }), "deny");
  assert.equal(decisionOf({ type: "gate.open" }), undefined);
});
