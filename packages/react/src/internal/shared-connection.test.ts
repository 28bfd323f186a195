/** What tests of components put in the place of a client: handles whose connections tell of little. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ActorHandle } from "@holdfast/client";
import { SharedConnection } from "./shared-connection.ts";

function standIn() {
  const told: ((status: string) => void)[] = [];
  const failed: ((error: Error) => void)[] = [];
  const connection = {
    disposals: 0,
    onStatusChange: (listener: (status: string) => void) => void told.push(listener),
    onError: (listener: (error: Error) => void) => void failed.push(listener),
    on: () => () => {},
    dispose() {
      connection.disposals++;
    },
  };
  return {
    connection,
    handle: { connect: () => connection } as unknown as ActorHandle,
    tell: (status: string) => {
      for (const listener of told) listener(status);
    },
    fail: (error: Error) => {
      for (const listener of failed) listener(error);
    },
  };
}

test("a connection that only tells of its status is connecting, then connected, and is disposed of", async () => {
  const { connection, handle, tell } = standIn();
  const ended = Promise.withResolvers<void>();
  const shared = new SharedConnection(handle, ended.resolve);
  const seen: string[] = [];
  const leave = shared.subscribe(() => void seen.push(shared.snapshot.connStatus));
  assert.equal(shared.snapshot.connStatus, "connecting");
  tell("connected");
  await shared.ready();
  assert.deepEqual(seen, ["connecting", "connected"]);
  leave();
  await ended.promise;
  assert.equal(connection.disposals, 1);
});

test("its error rejects who suspends", async () => {
  const { handle, fail } = standIn();
  const shared = new SharedConnection(handle, () => {});
  const leave = shared.subscribe(() => {});
  fail(new Error("refused"));
  await assert.rejects(shared.ready(), /refused/);
  leave();
});
