import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { SessionReads } from "./session-reads.ts";

const unavailable = (error: unknown): boolean => isErrorCode(error, "store", "unavailable");

/** Reads with a session that the test gives and takes, and timers that it lets run. */
function create(isValid: boolean) {
  const timers = new Set<() => void>();
  const session = { isValid };
  const reads = new SessionReads({
    tasks: {
      after: (_ms: number, run: () => void) => {
        timers.add(run);
        return { cancel: () => timers.delete(run) };
      },
    } as never,
    isValid: () => session.isValid,
    waitMs: 1,
  });
  const passTime = (): void => {
    for (const run of [...timers]) {
      timers.delete(run);
      run();
    }
  };
  return { reads, session, timers, passTime };
}

describe("reads of the store by a node", () => {
  test("give what the store gives, also without a session", async () => {
    for (const isValid of [true, false]) {
      const { reads, timers } = create(isValid);
      assert.equal(await reads.run(Promise.resolve(1)), 1);
      await assert.rejects(reads.run(Promise.reject(new Error("of the store"))), /of the store/);
      assert.equal(timers.size, 0);
      reads.lost();
    }
  });

  test("end when the session does, and another node can answer", async () => {
    const { reads, session } = create(true);
    const late = Promise.withResolvers<number>();
    const read = reads.run(late.promise);
    session.isValid = false;
    reads.lost();
    await assert.rejects(read, unavailable);
    late.reject(new Error("nobody waits for it any more"));
  });

  test("without a session end after a while, unless it comes back", async () => {
    const { reads, session, passTime } = create(false);
    const never = new Promise<number>(() => {});
    const first = reads.run(never);
    passTime();
    await assert.rejects(first, unavailable);

    const late = Promise.withResolvers<number>();
    const second = reads.run(late.promise);
    session.isValid = true;
    passTime();
    late.resolve(2);
    assert.equal(await second, 2);
  });
});
