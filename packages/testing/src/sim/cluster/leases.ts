import type { ClusterStore, ClusterView, NodeDescription, NodeSession, Renewal } from "@holdfast/actors";
import type { SimStore, StoreProcess } from "../store.ts";

/** One process's view of the leases, with the delays and faults of the store. */
export class SimLeases implements ClusterStore {
  readonly shards: number;
  readonly #store: SimStore;
  readonly #process: StoreProcess;
  readonly #data: ClusterStore;

  constructor(store: SimStore, process: StoreProcess, data: ClusterStore) {
    this.#store = store;
    this.#process = process;
    this.#data = data;
    this.shards = data.shards;
  }

  join(node: NodeDescription, ttlMs: number): Promise<void> {
    return this.#run("commit lease join", () => this.#data.join(node, ttlMs));
  }

  renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    return this.#run("commit lease renew", () => this.#data.renew(session, draining, ttlMs));
  }

  view(): Promise<ClusterView> {
    return this.#run("leases", () => this.#data.view());
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

  leave(session: NodeSession): Promise<void> {
    return this.#run("commit lease leave", () => this.#data.leave(session));
  }

  #run<T>(label: string, perform: () => Promise<T>): Promise<T> {
    if (this.#process.isCrashed) return new Promise(() => undefined);
    return this.#store.run(this.#process, label, undefined, perform);
  }
}
