import type { ClusterStore, ClusterView, NodeDescription, NodeSession, Renewal } from "@holdfast/actors";

/** The record of the cluster is in the first database. What is written with an actor is where the actor is. */
export class RoutedCluster implements ClusterStore {
  readonly id: string;
  readonly shards: number;
  readonly #first: ClusterStore;
  readonly #of: (actorId: string) => Promise<ClusterStore>;

  constructor(first: ClusterStore, of: (actorId: string) => Promise<ClusterStore>) {
    this.id = first.id;
    this.shards = first.shards;
    this.#first = first;
    this.#of = of;
  }

  get notifications(): NonNullable<ClusterStore["notifications"]> {
    const { notifications } = this.#first;
    if (notifications === undefined) throw new Error("A database can notify");
    return notifications;
  }

  credentials(): Promise<readonly string[]> {
    return this.#first.credentials();
  }

  replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean> {
    return this.#first.replaceCredentials(expected, next);
  }

  join(node: NodeDescription, ttlMs: number): Promise<void> {
    return this.#first.join(node, ttlMs);
  }

  renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    return this.#first.renew(session, draining, ttlMs);
  }

  reweigh(session: NodeSession, weight: number): Promise<void> {
    return this.#first.reweigh(session, weight);
  }

  view(seen?: number): Promise<ClusterView> {
    return this.#first.view(seen);
  }

  claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#first.claim(session, scope, shards);
  }

  drain(id: string): Promise<boolean> {
    return this.#first.drain(id);
  }

  transfer(session: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#first.transfer(session, to, scope, shards);
  }

  openScope(scope: string): Promise<void> {
    return this.#first.openScope(scope);
  }

  async place(actorId: string, epoch: number, place: string | undefined): Promise<boolean> {
    return (await this.#of(actorId)).place(actorId, epoch, place);
  }

  leave(session: NodeSession): Promise<void> {
    return this.#first.leave(session);
  }
}
