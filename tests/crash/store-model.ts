import assert from "node:assert/strict";
import type { ActorRecord, CommitBatch } from "@holdfast/actors";
import type { SqliteStore } from "@holdfast/store-sqlite";

export const actorName = "crash";

type Changes = Pick<CommitBatch, "state" | "kv" | "calls" | "wakeAt" | "destroyedAt">;

const lifetime = 60;
const snapshotEvery = 7;

/** Content of a version's commit, computed from id and version, so that a reader can verify all of it. */
export function changesOf(id: string, version: number): Changes {
  if (version === lifetime) return { destroyedAt: version };
  const isSnapshot = version % snapshotEvery === 1;
  const padding = "x".repeat((version * 37) % 3_000);
  return {
    state: { type: isSnapshot ? "snapshot" : "patch", bytes: text(`${id} ${version} ${padding}`) },
    kv: [
      { type: "put", key: text("latest"), value: text(`${version}`) },
      { type: "put", key: text(`entry-${version % 10}`), value: text(`${version} ${padding}`) },
    ],
    calls: [
      {
        key: `call-${version}`,
        status: "done",
        outcome: text(`${version}`),
        expiresAt: Number.MAX_SAFE_INTEGER,
      },
    ],
    wakeAt: version,
  };
}

/** How far each actor certainly came, and may have come, by what its process said. */
export class Expected {
  readonly actors = new Map<string, { key: string; acknowledged: number; attempted: number }>();

  take(history: readonly (readonly string[])[]): void {
    for (const [word, id, version, key] of history) {
      if ((word !== "try" && word !== "ack") || id === undefined || key === undefined) continue;
      const actor = this.actors.get(id) ?? { key, acknowledged: 0, attempted: 0 };
      if (word === "ack") actor.acknowledged = Number(version);
      else actor.attempted = Number(version);
      this.actors.set(id, actor);
    }
  }

  /**
   * Checks a store that was opened after a crash: acknowledged ⊆ recovered ⊆ attempted, each actor
   * whole. What was recovered is what the next process starts from.
   */
  async verify(store: SqliteStore): Promise<void> {
    const living = new Set<string>();
    let cursor: string | undefined;
    do {
      const page = await store.list({
        name: actorName,
        limit: 100,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const record of page.actors) living.add(record.id);
      cursor = page.cursor;
    } while (cursor !== undefined);
    for (const id of living) assert.ok(this.actors.has(id), `actor ${id} was never attempted`);
    for (const [id, actor] of this.actors) {
      const record = await store.get(id);
      const recovered = record?.version ?? 0;
      assert.ok(
        recovered >= actor.acknowledged,
        `lost: ${id} was acknowledged at ${actor.acknowledged}, is at ${recovered}`,
      );
      assert.ok(
        recovered <= actor.attempted,
        `invented: ${id} was attempted up to ${actor.attempted}, is at ${recovered}`,
      );
      actor.acknowledged = actor.attempted = recovered;
      assert.equal(living.has(id), recovered > 0 && recovered < lifetime);
      if (record !== undefined) await verifyActor(store, record, actor.key);
    }
  }

  /** Forgets actors that have ended, so that the checks of a long run stay short. */
  forgetEnded(): void {
    for (const [id, actor] of this.actors)
      if (actor.attempted === lifetime || actor.attempted === 0) this.actors.delete(id);
  }
}

async function verifyActor(store: SqliteStore, record: ActorRecord, key: string): Promise<void> {
  const { id, version } = record;
  const entries = await store.kvList(id, { start: new Uint8Array(), limit: 100 });
  if (version === lifetime) {
    assert.equal(record.destroyedAt, lifetime);
    assert.deepEqual(entries, []);
    assert.equal(await store.call(id, "call-1"), undefined);
    return;
  }
  assert.deepEqual(record.key, [key]);
  assert.equal(record.wakeAt, version);
  for (const entry of entries) {
    const name = decode(entry.key);
    const value = decode(entry.value);
    if (name === "latest") assert.equal(value, `${version}`);
    else assert.deepEqual(name, `entry-${Number(value.split(" ")[0]) % 10}`);
  }
  assert.equal(entries.length, 1 + Math.min(version, 10));
  for (let call = 1; call <= version; call += 1) {
    const outcome = (await store.call(id, `call-${call}`))?.outcome;
    assert.equal(outcome && decode(outcome), `${call}`);
  }
  assert.equal(await store.call(id, `call-${version + 1}`), undefined);
  await verifyState(store, id, version);
}

/** The snapshot and the patches after it are those of the versions up to this one, with no gap. */
async function verifyState(store: SqliteStore, id: string, version: number): Promise<void> {
  const { state } = await store.acquire(id);
  const first = version - ((version - 1) % snapshotEvery);
  const expected = Array.from(
    { length: version - first + 1 },
    (_, index) => changesOf(id, first + index).state?.bytes,
  );
  assert.deepEqual(state && [state.snapshot, ...state.patches], expected);
}

function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
