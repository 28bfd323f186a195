import type { CommitBatch } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";

interface Row {
  readonly address: string;
  epoch: number;
  version: number;
  destroyed: boolean;
}

/** Marker that workloads put into an actor's data, by which the ledger sees when it is durable. */
const tokens = /tok-\d+-/g;

/** Independent record of everything that became durable. Calls `reportViolation` when a commit violates an invariant. */
export class Ledger {
  readonly #rows = new Map<string, Row>();
  /** Ids of living actors by name and key. */
  readonly #idsByAddress = new Map<string, string>();
  readonly #commitIds = new Set<string>();
  readonly #durable = new Set<string>();
  readonly #reportViolation: (message: string) => void;
  #tokens = 0;
  commits = 0;

  constructor(reportViolation: (message: string) => void) {
    this.#reportViolation = reportViolation;
  }

  /** Creates a new marker. */
  token(): string {
    return `tok-${this.#tokens++}-`;
  }

  /** True when the data with this marker is durable. */
  isDurable(token: string): boolean {
    return this.#durable.has(token);
  }

  recordAcquire(id: string, epoch: number): void {
    const row = this.#rows.get(id);
    if (row === undefined) return this.#reportViolation(`acquired ${id}, which was never created`);
    if (row.destroyed) this.#reportViolation(`acquired ${id}, which is destroyed`);
    if (epoch !== row.epoch + 1)
      this.#reportViolation(`acquired ${id} with epoch ${epoch} after ${row.epoch}`);
    row.epoch = epoch;
  }

  /** Records that `batch` became durable. */
  recordCommit(batch: CommitBatch): void {
    this.commits++;
    const { actorId, epoch, version, commitId } = batch;
    const label = `commit ${version} of ${actorId}`;
    if (this.#commitIds.has(commitId)) this.#reportViolation(`${label} was applied twice`);
    this.#commitIds.add(commitId);
    if (batch.create !== undefined) this.#create(batch, batch.create);
    const row = this.#rows.get(actorId);
    if (row === undefined) return this.#reportViolation(`${label} has no actor`);
    if (row.destroyed) this.#reportViolation(`${label} was applied after its end`);
    if (epoch !== row.epoch)
      this.#reportViolation(`${label} has epoch ${epoch}, the owner's is ${row.epoch}`);
    if (version !== row.version + 1) this.#reportViolation(`${label} follows version ${row.version}`);
    row.version = version;
    if (batch.destroyedAt !== undefined) {
      row.destroyed = true;
      this.#idsByAddress.delete(row.address);
    }
    this.#collect(batch);
  }

  #create(batch: CommitBatch, { name, key }: NonNullable<CommitBatch["create"]>): void {
    const address = `${name}/${encodeKey(key)}`;
    if (this.#idsByAddress.has(address)) this.#reportViolation(`${address} was created while it lives`);
    if (this.#rows.has(batch.actorId)) this.#reportViolation(`${batch.actorId} was created twice`);
    this.#idsByAddress.set(address, batch.actorId);
    this.#rows.set(batch.actorId, { address, epoch: 1, version: 0, destroyed: false });
  }

  #collect({ state, kv }: CommitBatch): void {
    if (state !== undefined) this.recordBytes(state.bytes);
    for (const operation of kv ?? []) {
      if (operation.type !== "put") continue;
      this.recordBytes(operation.key);
      this.recordBytes(operation.value);
    }
  }

  /** Records that `bytes` became durable. */
  recordBytes(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    for (const [token] of text.matchAll(tokens)) this.#durable.add(token);
  }
}
