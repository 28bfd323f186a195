import type { CommitBatch } from "@holdfast/actors";

const bytes = (text: string) => new TextEncoder().encode(text);
/** A call record that expires after every test. */
export const farFuture = 4_000_000_000_000;

/** Content of the golden store of format 1. */
export const goldenBatches: readonly CommitBatch[] = [
  {
    actorId: "actor-1",
    epoch: 1,
    version: 1,
    commitId: "commit-1",
    create: { name: "counter", key: ["a,b", "😀"], createdAt: 1_700_000_000_001 },
    state: { type: "snapshot", bytes: bytes("snapshot") },
    kv: [
      { type: "put", key: Uint8Array.of(0, 255), value: bytes("value") },
      { type: "put", key: new Uint8Array(), value: new Uint8Array() },
    ],
    calls: [{ key: "call-1", status: "started", expiresAt: farFuture }],
    wakeAt: 1_700_000_060_000,
  },
  {
    actorId: "actor-1",
    epoch: 1,
    version: 2,
    commitId: "commit-2",
    state: { type: "patch", bytes: bytes("patch 1") },
    calls: [{ key: "call-1", status: "done", outcome: bytes("outcome"), expiresAt: farFuture }],
  },
  { actorId: "actor-1", epoch: 1, version: 3, commitId: "commit-3", state: { type: "patch", bytes: bytes("patch 2") } },
  {
    actorId: "actor-2",
    epoch: 1,
    version: 1,
    commitId: "commit-4",
    create: { name: "counter", key: [], createdAt: 1_700_000_000_002 },
    calls: [{ key: "call-2", status: "started", expiresAt: farFuture }],
  },
  {
    actorId: "actor-3",
    epoch: 1,
    version: 1,
    commitId: "commit-5",
    create: { name: "room", key: ["lobby"], createdAt: 1_700_000_000_003 },
    state: { type: "snapshot", bytes: bytes("gone") },
  },
  { actorId: "actor-3", epoch: 1, version: 2, commitId: "commit-6", destroyedAt: 1_700_000_000_004 },
];

/** Added in format 2: a replaced snapshot with a patch after it. */
export const pastBatches: readonly CommitBatch[] = [
  {
    actorId: "actor-4",
    epoch: 1,
    version: 1,
    commitId: "commit-7",
    create: { name: "past", key: [], createdAt: 1_700_000_000_005 },
    state: { type: "snapshot", bytes: bytes("first") },
  },
  { actorId: "actor-4", epoch: 1, version: 2, commitId: "commit-8", state: { type: "patch", bytes: bytes("p") } },
  { actorId: "actor-4", epoch: 1, version: 3, commitId: "commit-9", state: { type: "snapshot", bytes: bytes("second") } },
];

/** Added in format 2: an actor with a file of its own. */
export const databaseActor: CommitBatch = {
  actorId: "actor-with-db",
  epoch: 1,
  version: 1,
  commitId: "commit-10",
  create: { name: "sql", key: ["x"], createdAt: 1_700_000_000_006 },
  database: true,
  state: { type: "snapshot", bytes: bytes("state") },
  kv: [{ type: "put", key: Uint8Array.of(7), value: bytes("seven") }],
  calls: [{ key: "call-3", status: "done", outcome: bytes("outcome"), expiresAt: farFuture }],
  wakeAt: 1_700_000_070_000,
};
