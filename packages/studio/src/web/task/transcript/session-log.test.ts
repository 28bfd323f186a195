import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SessionEvent, SessionPage } from "../../../contract.ts";
import { SessionLog } from "./session-log.ts";

function event(seq: number): SessionEvent {
  return { seq, at: seq, body: { type: "prompt", text: `prompt ${seq}` } };
}

function range(from: number, to: number): SessionEvent[] {
  return Array.from({ length: to - from + 1 }, (_, index) => event(from + index));
}

/** A log of `length` events, served in pages; `requests` records the queries. */
function source(length: number) {
  const requests: number[] = [];
  const state = { length, fail: 0 };
  return {
    requests,
    state,
    async events(query: { readonly after: number; readonly limit?: number }): Promise<SessionPage> {
      requests.push(query.after);
      if (state.fail > 0) {
        state.fail -= 1;
        throw new Error("the network is down");
      }
      const limit = query.limit ?? 500;
      return {
        events: range(query.after + 1, Math.min(state.length, query.after + limit)),
        head: state.length,
      };
    },
  };
}

function follow(log: ReturnType<typeof source>) {
  const waiting: { predicate: () => boolean; resolve: () => void }[] = [];
  const session = new SessionLog(log, () => {
    for (const wait of waiting) if (wait.predicate()) wait.resolve();
  });
  const until = (predicate: () => boolean) =>
    new Promise<void>((resolve) => {
      if (predicate()) resolve();
      else waiting.push({ predicate, resolve });
    });
  return { session, until };
}

describe("session log", () => {
  test("reads all pages before it is live", async () => {
    const log = source(1_200);
    const { session, until } = follow(log);
    session.linkChanged("online");
    await until(() => session.state.phase === "live");
    assert.equal(session.state.transcript.head, 1_200);
    assert.deepEqual(log.requests, [0, 500, 1_000]);
    session.end();
  });

  test("drops duplicates and fills a gap from the log", async () => {
    const log = source(3);
    const { session, until } = follow(log);
    session.linkChanged("online");
    await until(() => session.state.phase === "live");
    session.appended(range(2, 3));
    assert.equal(session.state.transcript.head, 3);
    log.state.length = 8;
    session.appended(range(7, 8));
    assert.equal(session.state.transcript.head, 3, "events after a gap are not shown");
    await until(() => session.state.transcript.head === 8);
    assert.deepEqual(log.requests, [0, 3]);
    session.end();
  });

  test("resumes after the last event when the connection is back", async () => {
    const log = source(3);
    const { session, until } = follow(log);
    session.linkChanged("online");
    await until(() => session.state.phase === "live");
    session.linkChanged("offline");
    assert.equal(session.state.phase, "offline");
    log.state.length = 5;
    session.linkChanged("online");
    await until(() => session.state.phase === "live" && session.state.transcript.head === 5);
    assert.deepEqual(log.requests, [0, 3]);
    session.end();
  });

  test("retries after a failed read", async () => {
    const log = source(2);
    log.state.fail = 1;
    const { session, until } = follow(log);
    session.linkChanged("online");
    await until(() => session.state.phase === "failed");
    await until(() => session.state.phase === "live");
    assert.equal(session.state.transcript.head, 2);
    session.end();
  });
});
