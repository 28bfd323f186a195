import assert from "node:assert/strict";
import { test } from "node:test";
import { checkParity, parityOfRepository } from "../../tools/parity.ts";

test("every feature of the peer has a test that exists, or a reason", () => {
  const { problems, tested } = parityOfRepository();
  assert.deepEqual(problems, []);
  assert.ok(tested.size > 5);
});

test("a row without a test, with a test that is not there, or with a reason of its own is found", () => {
  const page = [
    "## Area",
    "| Peer feature | Here | Test |",
    "| --- | --- | --- |",
    "| `a | b` | the same | `x.test.ts` |",
    "| one | the same | `gone.test.ts` |",
    "| two | no | their cloud |",
    "| three | no | no time |",
    "| four | the same |",
    '| five | the same | `x.test.ts` "is there" |',
    '| six | the same | `x.test.ts` "is gone" |',
  ].join("\n");
  const { tested, reasoned, problems } = checkParity(page, (path) =>
    path === "x.test.ts" ? 'test("is there")' : undefined,
  );
  assert.deepEqual([...tested], [["Area", 4]]);
  assert.deepEqual([...reasoned], [["their cloud", 1]]);
  assert.deepEqual(problems, [
    "line 5: there is no gone.test.ts",
    'line 7: "no time" is neither a test nor a reason',
    "line 8: a row has three cells, this one has 2",
    'line 10: x.test.ts has no case "is gone"',
  ]);
});
