import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { isErrorCode } from "./errors.ts";
import { type StandardSchema, validate } from "./schema.ts";

const refusal = { group: "actor", code: "invalid_input", what: "The input" };

/** A schema whose library returns its result in its own way. */
function schemaOf(answer: (value: unknown) => unknown): StandardSchema {
  const standard = { version: 1, vendor: "test", validate: answer };
  return { "~standard": standard } as unknown as StandardSchema;
}

test("the result of an asynchronous schema is awaited, whatever class its promise has", async () => {
  const promises: readonly ((result: unknown) => unknown)[] = [
    (result) => Promise.resolve(result),
    // A promise of another realm: test runners have one for each file.
    (result) => runInNewContext("Promise.resolve(result)", { result }),
    // biome-ignore lint/suspicious/noThenProperty: a promise of a library's own is what is tried here.
    (result) => ({ then: (resolve: (value: unknown) => void) => resolve(result) }),
  ];
  for (const promised of promises) {
    const accepts = schemaOf((value) => promised({ value: `${String(value)}!` }));
    assert.equal(await validate(accepts, "yes", refusal), "yes!");
    const refuses = schemaOf(() => promised({ issues: [{ message: "no" }] }));
    await assert.rejects(
      async () => validate(refuses, "yes", refusal),
      (error) => isErrorCode(error, "actor", "invalid_input"),
    );
  }
});
