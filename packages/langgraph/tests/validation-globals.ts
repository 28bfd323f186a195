/** What LangGraph's validation suite expects of its test runner, for Node's: `describe.each`, `expect` and so on. */
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { format } from "node:util";
import { JestAsymmetricMatchers, JestChaiExpect, JestExtend } from "@vitest/expect";
import * as chai from "chai";

type Body = (value: unknown) => void | Promise<void>;

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

/** Hundreds of rows are one test: a test of its own costs more than most of them. */
const eachRow = (rows: readonly unknown[]) => (_name: string, body: Body) =>
  it(`${rows.length} combinations of arguments`, async () => {
    for (const row of rows) await body(row);
  });

const eachSuite = (rows: readonly unknown[]) => (name: string, body: (value: unknown) => void) => {
  for (const row of rows) describe(format(name, row), () => body(row));
};

Object.assign(globalThis, {
  ...{ beforeAll: before, afterAll: after, beforeEach, afterEach },
  describe: Object.assign(describe.bind(undefined), { each: eachSuite }),
  it: Object.assign(it.bind(undefined), { each: eachRow, skip: it.skip }),
  expect: Object.assign(chai.expect, { soft: chai.expect }),
});
