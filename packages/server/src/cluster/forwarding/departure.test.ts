import assert from "node:assert/strict";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { Exchange } from "../../gateway/http/exchange.ts";
import { Departure } from "./departure.ts";

/** A departure, and what makes the client leave. */
function departure(): { readonly gone: Departure; leave(): void } {
  let callback = (): void => undefined;
  const exchange = {
    onGone: (called: () => void): void => {
      callback = called;
    },
  } as Exchange;
  const gone = new Departure(exchange);
  return { gone, leave: () => callback() };
}

test("listeners of a client that leaves are called once, with the reason; removed ones are not", () => {
  const { gone, leave } = departure();
  const called: string[] = [];
  const removed = (): void => void called.push("removed");
  gone.addEventListener("abort", () => called.push("first"));
  gone.addEventListener("abort", removed);
  gone.removeEventListener("abort", removed);
  gone.throwIfAborted();
  assert.equal(gone.aborted, false);
  leave();
  leave();
  assert.deepEqual(called, ["first"]);
  assert.equal(gone.aborted, true);
  assert.throws(
    () => gone.throwIfAborted(),
    (error) => isErrorCode(error, "action", "aborted"),
  );
});

test("its signal aborts with it, also if it is asked for later", () => {
  const before = departure();
  const { signal } = before.gone;
  before.leave();
  assert.equal(signal.aborted, true);
  assert.equal(signal.reason, before.gone.reason);
  const after = departure();
  after.leave();
  assert.equal(after.gone.signal.aborted, true);
});
