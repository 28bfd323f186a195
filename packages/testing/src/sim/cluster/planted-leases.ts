import type { ClusterStore, ClusterView, NodeDescription, NodeSession, Renewal } from "@holdfast/actors";
import type { PlantedBug } from "../planted-bugs.ts";
import type { SeededRandom } from "../seeded.ts";

/** Leases with a planted bug. */
export class PlantedLeases implements ClusterStore {
  readonly shards: number;
  readonly id: ClusterStore["id"];
  readonly #leases: ClusterStore;
  readonly #plant: PlantedBug;
  readonly #random: SeededRandom;
  /** Nodes that were asked to drain once. */
  readonly #drained = new Set<string>();

  constructor(leases: ClusterStore, plant: PlantedBug, random: SeededRandom) {
    this.shards = leases.shards;
    this.id = leases.id;
    this.#leases = leases;
    this.#plant = plant;
    this.#random = random;
  }

  credentials(): Promise<readonly string[]> {
    return this.#leases.credentials();
  }

  replaceCredentials(expected: readonly string[], next: readonly string[]): Promise<boolean> {
    return this.#leases.replaceCredentials(expected, next);
  }

  join(node: NodeDescription, ttlMs: number): Promise<void> {
    const isStillDrained = this.#plant === "forget-drain-flag" && this.#drained.has(node.id);
    return this.#leases.join(isStillDrained ? { ...node, draining: true } : node, ttlMs);
  }

  renew(session: NodeSession, draining: boolean, ttlMs: number): Promise<Renewal | undefined> {
    if (draining) this.#drained.add(session.id);
    return this.#leases.renew(session, draining, ttlMs);
  }

  reweigh(session: NodeSession, weight: number): Promise<void> {
    return this.#leases.reweigh(session, weight);
  }

  async view(seen?: number): Promise<ClusterView> {
    const view = await this.#leases.view(seen);
    if (this.#plant !== "claim-live-shard" || !this.#random.chance(0.2)) return view;
    // A holder is taken for dead.
    const lost = this.#random.int(0, Math.max(0, view.leases.length - 1));
    return { ...view, leases: view.leases.filter((_, at) => at !== lost) };
  }

  async claim(session: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    if (this.#plant === "claim-live-shard") {
      const { leases } = await this.#leases.view();
      for (const { id, incarnation, shards: held, ...lease } of leases) {
        const taken = lease.scope === scope ? held.filter((shard) => shards.includes(shard)) : [];
        if (taken.length > 0) await this.#leases.transfer({ id, incarnation }, session, scope, taken);
      }
    }
    return this.#leases.claim(session, scope, shards);
  }

  drain(id: string): Promise<boolean> {
    this.#drained.add(id);
    return this.#leases.drain(id);
  }

  transfer(session: NodeSession, to: NodeSession, scope: string, shards: readonly number[]): Promise<void> {
    return this.#leases.transfer(session, to, scope, shards);
  }

  openScope(scope: string): Promise<void> {
    return this.#leases.openScope(scope);
  }

  place(actorId: string, epoch: number, place: string | undefined): Promise<boolean> {
    return this.#leases.place(actorId, epoch, place);
  }

  leave(session: NodeSession): Promise<void> {
    return this.#leases.leave(session);
  }
}
