import type { CommitBatch } from "@holdfast/actors";
import { encodeKey } from "@holdfast/core";

interface Row {
  readonly address: string;
  epoch: number;
  version: number;
  destroyed: boolean;
}

/** A mark that a workload leaves in what an actor writes, so that the ledger sees when it is durable. */
const tokens = /tok-\d+-/g;

/**
 * An account of its own of everything that became durable, kept beside the store. `broken` is told when
 * something became durable that must not.
 */
export class Ledger {
  readonly #rows = new Map<string, Row>();
  /** Id of the living actor by name and key. */
  readonly #living = new Map<string, string>();
  readonly #commitIds = new Set<string>();
  readonly #durable = new Set<string>();
  readonly #broken: (message: string) => void;
  #tokens = 0;
  commits = 0;

  constructor(broken: (message: string) => void) {
    this.#broken = broken;
  }

  /** A new mark. */
  token(): string {
    return `tok-${this.#tokens++}-`;
  }

  /** Whether what carries this mark is durable. */
  holds(token: string): boolean {
    return this.#durable.has(token);
  }

  acquired(id: string, epoch: number): void {
    const row = this.#rows.get(id);
    if (row === undefined) return this.#broken(`acquired ${id}, which was never created`);
    if (row.destroyed) this.#broken(`acquired ${id}, which is destroyed`);
    if (epoch !== row.epoch + 1) this.#broken(`acquired ${id} with epoch ${epoch} after ${row.epoch}`);
    row.epoch = epoch;
  }

  /** `batch` has become durable. */
  applied(batch: CommitBatch): void {
    this.commits++;
    const { actorId, epoch, version, commitId } = batch;
    const where = `commit ${version} of ${actorId}`;
    if (this.#commitIds.has(commitId)) this.#broken(`${where} was applied twice`);
    this.#commitIds.add(commitId);
    if (batch.create !== undefined) this.#create(batch, batch.create);
    const row = this.#rows.get(actorId);
    if (row === undefined) return this.#broken(`${where} has no actor`);
    if (row.destroyed) this.#broken(`${where} was applied after its end`);
    if (epoch !== row.epoch) this.#broken(`${where} has epoch ${epoch}, the owner's is ${row.epoch}`);
    if (version !== row.version + 1) this.#broken(`${where} follows version ${row.version}`);
    row.version = version;
    if (batch.destroyedAt !== undefined) {
      row.destroyed = true;
      this.#living.delete(row.address);
    }
    this.#collect(batch);
  }

  #create(batch: CommitBatch, { name, key }: NonNullable<CommitBatch["create"]>): void {
    const address = `${name}/${encodeKey(key)}`;
    if (this.#living.has(address)) this.#broken(`${address} was created while it lives`);
    if (this.#rows.has(batch.actorId)) this.#broken(`${batch.actorId} was created twice`);
    this.#living.set(address, batch.actorId);
    this.#rows.set(batch.actorId, { address, epoch: 1, version: 0, destroyed: false });
  }

  #collect({ state, kv }: CommitBatch): void {
    if (state !== undefined) this.keeps(state.bytes);
    for (const operation of kv ?? []) {
      if (operation.type !== "put") continue;
      this.keeps(operation.key);
      this.keeps(operation.value);
    }
  }

  /** `bytes` have become durable. */
  keeps(bytes: Uint8Array): void {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
    for (const [token] of text.matchAll(tokens)) this.#durable.add(token);
  }
}
