/** Conformance suite for every ActorStore. */
import { randomUUID } from "node:crypto";
import { type ActorStore, type CommitBatch, newActorId } from "@holdfast/actors";
import { type ActorKey, isErrorCode, systemPorts } from "@holdfast/core";
import { addressHash } from "@holdfast/server";

/** Parts of a batch that a case sets; defaults fill in the rest. */
export type BatchChanges = Partial<
  Pick<CommitBatch, "state" | "kv" | "calls" | "database" | "wakeAt" | "destroyedAt">
>;

export interface TestActor {
  readonly id: string;
  readonly name: string;
  readonly key: ActorKey;
}

export function newActor(name = `test-${randomUUID()}`, key: ActorKey = []): TestActor {
  const { clock, random } = systemPorts();
  return { id: newActorId(addressHash(name, key), clock, random), name, key };
}

export function create(actor: TestActor, changes: BatchChanges = {}): CommitBatch {
  const { id: actorId, name, key } = actor;
  return { ...next(actorId, 1, 1, changes), create: { name, key, createdAt: 1_700_000_000_000 } };
}

export function next(
  actorId: string,
  version: number,
  epoch: number,
  changes: BatchChanges = {},
): CommitBatch {
  return { actorId, epoch, version, commitId: randomUUID(), ...changes };
}

/** Creates an actor for one case. */
export async function created(store: ActorStore, changes: BatchChanges = {}): Promise<TestActor> {
  const actor = newActor();
  await store.commit(create(actor, changes));
  return actor;
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function snapshot(text: string): { readonly state: NonNullable<CommitBatch["state"]> } {
  return { state: { type: "snapshot", bytes: bytes(text) } };
}

export function patch(text: string): { readonly state: NonNullable<CommitBatch["state"]> } {
  return { state: { type: "patch", bytes: bytes(text) } };
}

/** Matcher of the typed error `group.code`, for `assert.rejects`. */
export function code(group: string, name: string): (error: unknown) => boolean {
  return (error) => {
    if (isErrorCode(error, group, name)) return true;
    throw new Error(`Expected ${group}.${name}`, { cause: error });
  };
}
