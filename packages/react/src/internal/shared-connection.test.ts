/** Fake client handle, as component tests use it: its connection has only a status and errors. */
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
    handle: () => ({ connect: () => connection }) as unknown as ActorHandle,
    tell: (status: string) => {
      for (const listener of told) listener(status);
    },
    fail: (error: Error) => {
      for (const listener of failed) listener(error);
    },
  };
}

/** Returns what `suspend` throws: a promise, an error, or undefined. */
function thrownBy(shared: SharedConnection): unknown {
  try {
    shared.suspend();
    return undefined;
  } catch (thrown) {
    return thrown;
  }
}

test("a connection that reports only its status connects and is disposed of", async () => {
  const { connection, handle, tell } = standIn();
  const ended = Promise.withResolvers<void>();
  const shared = new SharedConnection(handle, ended.resolve);
  const seen: string[] = [];
  assert.equal(shared.snapshot.handle, null);
  const leave = shared.subscribe(() => void seen.push(shared.snapshot.connStatus));
  assert.equal(shared.snapshot.connStatus, "connecting");
  const waiting = thrownBy(shared);
  assert.ok(waiting instanceof Promise);
  tell("connected");
  await waiting;
  assert.equal(thrownBy(shared), undefined);
  assert.deepEqual(seen, ["connecting", "connected"]);
  leave();
  assert.equal(connection.disposals, 0, "a remount reuses it");
  await ended.promise;
  assert.equal(connection.disposals, 1);
});

test("suspend throws its error", async () => {
  const { handle, fail } = standIn();
  const shared = new SharedConnection(handle, () => {});
  const leave = shared.subscribe(() => {});
  const waiting = thrownBy(shared);
  fail(new Error("refused"));
  await waiting;
  assert.match(String(thrownBy(shared)), /refused/);
  leave();
});

test("a disconnected connection closes with its last user, so a remount reconnects", () => {
  const { connection, handle, tell } = standIn();
  let ends = 0;
  const shared = new SharedConnection(handle, () => ends++);
  const leave = shared.subscribe(() => {});
  tell("connected");
  tell("disconnected");
  leave();
  assert.deepEqual([ends, connection.disposals], [1, 1]);
});

test("endUnused closes a connection without users immediately", () => {
  const { connection, handle, tell } = standIn();
  const shared = new SharedConnection(handle, () => {});
  const leave = shared.subscribe(() => {});
  tell("connected");
  shared.closeIfUnused();
  assert.equal(connection.disposals, 0);
  leave();
  shared.closeIfUnused();
  assert.equal(connection.disposals, 1);
});

test("a handle that cannot be created or connected shows an error", () => {
  const broken = () => {
    throw new Error("disposed of");
  };
  const shared = new SharedConnection(broken, () => {});
  const leave = shared.subscribe(() => {});
  const { connStatus, error, connection } = shared.snapshot;
  assert.deepEqual([connStatus, error?.message, connection], ["disconnected", "disposed of", null]);
  assert.match(String(thrownBy(shared)), /disposed of/);
  leave();
});
