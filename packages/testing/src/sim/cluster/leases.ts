import type { ClusterStore, ClusterView, NodeDescription, NodeSession, Renewal } from "@holdfast/actors";
import type { SimStore, StoreProcess } from "../store.ts";

/** In runs in which the store of the leases loses changes. */
export interface LossWatch {
  /** Called when a change is missing that the process has seen. */
  lost(): void;
  /** For the planted bug that does not notice it. */
  readonly isIgnored: boolean;
}

/** One process's view of the leases, with the delays and faults of the store. */
export class SimLeases implements ClusterStore {
  readonly id: string;
  readonly shards: number;
  readonly #store: SimStore;
  readonly #process: StoreProcess;
  readonly #data: ClusterStore;
  readonly #watch: LossWatch | undefined;
  #last: ClusterView | undefined;

  constructor(store: SimStore, process: StoreProcess, data: ClusterStore, watch?: LossWatch) {
    this.#watch = watch;
    this.#store = store;
    this.#process = process;
    this.#data = data;
    this.id = data.id;
    this.shards = data.shards;
  }

  credentials(): Promise<readonly string[]> {
    return this.#run("credentials", () => this.#data.credentials());
  }

  replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean> {
    return this.#run("commit credentials", () => this.#data.replaceCredentials(expected, next));
  }

  join(node: NodeDescription, ttlMs: number): Promise<void> {
    return this.#run("commit lease join", () => this.#data.join(node, ttlMs));
  }

  renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    return this.#run("commit lease renew", () => this.#data.renew(session, draining, ttlMs));
  }

  reweigh(session: NodeSession, weight: number): Promise<void> {
    return this.#run("commit lease reweigh", () => this.#data.reweigh(session, weight));
  }

  view(seen?: number): Promise<ClusterView> {
    const read = (before: number | undefined): Promise<ClusterView> =>
      this.#run("leases", () => this.#data.view(before));
    return this.#watch === undefined ? read(seen) : this.#watched(this.#watch, read, seen);
  }

  claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#run("commit lease claim", () => this.#data.claim(session, scope, shards));
  }

  drain(id: string): Promise<boolean> {
    return this.#run("commit lease drain", () => this.#data.drain(id));
  }

  transfer(session: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#run("commit lease transfer", () => this.#data.transfer(session, to, scope, shards));
  }

  openScope(scope: string): Promise<void> {
    return this.#run("commit lease scope", () => this.#data.openScope(scope));
  }

  place(actorId: string, epoch: number, place: string | undefined): Promise<boolean> {
    return this.#run("commit place", () => this.#data.place(actorId, epoch, place));
  }

  leave(session: NodeSession): Promise<void> {
    return this.#run("commit lease leave", () => this.#data.leave(session));
  }

  async #watched(
    { lost, isIgnored }: LossWatch,
    read: (before: number | undefined) => Promise<ClusterView>,
    seen: number | undefined,
  ): Promise<ClusterView> {
    const last = this.#last;
    const view = await read(last?.revision);
    this.#last = view;
    if (last !== undefined && (view.revision < last.revision || view.seenMark !== last.mark)) lost();
    if (isIgnored) return { ...view, revision: Math.max(view.revision, seen ?? 0), seenMark: undefined };
    return seen === last?.revision ? view : { ...view, seenMark: undefined };
  }

  #run<T>(label: string, perform: () => Promise<T>): Promise<T> {
    if (this.#process.isCrashed) return new Promise(() => undefined);
    return this.#store.run(this.#process, label, undefined, perform);
  }
}
