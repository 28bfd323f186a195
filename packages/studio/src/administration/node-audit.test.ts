import assert from "node:assert/strict";
import { test } from "node:test";
import type { AuditRecord, NodesAuditQuery } from "@holdfast/gate";
import { NodeAudit } from "./node-audit.ts";

/** Records of two nodes: three of each millisecond, and every tenth by Ada. */
const log: readonly AuditRecord[] = Array.from({ length: 3_000 }, (_, index) => ({
  ...{
    version: 1,
    seq: Math.floor(index / 2) + 1,
    at: 1_000 + Math.floor(index / 3),
    prev: "",
    hash: `${index}`,
  },
  ...{ type: "egress.request", node: index % 2 === 0 ? "a" : "b" },
  data: index % 10 === 0 ? { person: "ada" } : {},
}));

const nodes = {
  async queryAudit({ until = Infinity, since = 0, limit = 1_000, node }: NodesAuditQuery = {}) {
    const of = log.filter((record) => record.at <= until && record.at >= since);
    return of.filter((record) => node === undefined || record.node === node).slice(-limit);
  },
  auditNodes: async () => ["a", "b"],
  verifyAudit: async () => [],
};

async function all(filter: { readonly limit: number; readonly node?: string; readonly person?: string }) {
  const hashes: number[] = [];
  let cursor: number | undefined;
  do {
    const page = await new NodeAudit(nodes).page({ ...filter, ...(cursor === undefined ? {} : { cursor }) });
    hashes.push(...page.records.map(({ hash }) => Number(hash)));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return hashes;
}

test("pages of all nodes are complete and in order, the newest first, with and without filters", async () => {
  const everything = log.map((_, index) => index).reverse();
  // Neither divides the records of a millisecond.
  for (const limit of [1, 100, 500]) assert.deepEqual(await all({ limit }), everything);
  const ofNode = everything.filter((index) => index % 2 === 1);
  assert.deepEqual(await all({ limit: 7, node: "b" }), ofNode);
  const ofPerson = everything.filter((index) => index % 10 === 0);
  assert.deepEqual(await all({ limit: 50, person: "Ada" }), ofPerson);
  assert.deepEqual(await all({ limit: 50, person: "nobody" }), []);
});

test("a chain with a fault is named, and says whether its files were checked", async () => {
  const good = { ok: true, records: 5 };
  const check = await new NodeAudit({
    ...nodes,
    verifyAudit: async () => [
      { node: "a", chain: "a.1", own: true, ok: true, stored: good, files: good, signed: { seq: 5, at: 9 } },
      {
        node: "b",
        chain: "b.1",
        own: false,
        ok: false,
        stored: good,
        files: { ok: false, records: 2, line: 3 },
      },
      { node: "c", chain: "c.1", own: false, ok: true, stored: good },
    ],
  }).verify(() => 1);
  assert.deepEqual(
    [check.isIntact, check.records, check.problem, check.badRecord],
    [false, 15, "b: unknown", 3],
  );
  assert.deepEqual(
    check.chains?.map(({ isIntact, signedTo, hasFilesChecked }) => [isIntact, signedTo, hasFilesChecked]),
    [
      [true, 5, true],
      [false, undefined, true],
      [true, undefined, false],
    ],
  );
});
