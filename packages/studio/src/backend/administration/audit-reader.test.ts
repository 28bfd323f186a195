import assert from "node:assert/strict";
import { test } from "node:test";
import { ownPage, ownQuery } from "./audit-reader.ts";

test("the names of nodes are for readers of the first organization", () => {
  const record = { seq: 1, at: 1, type: "task.created", node: "n1", hash: "h" };
  const page = { records: [record], newest: 1, nodes: ["n1", "n2"] };
  const query = { type: "task", node: "n1" };
  const admin = { organization: "local", person: "ada" };
  assert.deepEqual(ownPage(admin, page), page);
  assert.deepEqual(ownQuery(admin, query), { ...query, organization: "local" });
  assert.deepEqual(ownQuery({ ...admin, person: "operator" }, query), query);

  for (const person of ["ada", "operator"]) {
    const other = { organization: "org0123456789ab", person };
    const { node: _, ...shown } = record;
    assert.deepEqual(ownPage(other, page), { records: [shown], newest: 1 });
    assert.deepEqual(ownQuery(other, query), { type: "task", organization: other.organization });
  }
});
