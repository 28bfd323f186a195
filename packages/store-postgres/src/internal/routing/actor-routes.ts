import { hashOfId } from "@holdfast/actors";
import type { ActorKey } from "@holdfast/core";
import { invalidCommit } from "@holdfast/store-kit";
import { postgresStoreLimits as limits } from "../../limits.ts";
import { keyHash } from "../shards.ts";
import type { ShardRanges } from "./shard-ranges.ts";

/**
 * Finds the position of the database that has an actor: from its name and key, or from the hash of both that its id
 * carries. Actors that were migrated have ids without it; they are looked for once.
 */
export class ActorRoutes {
  readonly #ranges: ShardRanges;
  readonly #find: (id: string) => Promise<number | undefined>;
  /** Positions of actors whose id has no hash; the oldest are forgotten. */
  readonly #known = new Map<string, number>();
  readonly #looking = new Map<string, Promise<number>>();

  /** `find` asks all databases. */
  constructor(ranges: ShardRanges, find: (id: string) => Promise<number | undefined>) {
    this.#ranges = ranges;
    this.#find = find;
  }

  ofAddress(name: string, key: ActorKey): number {
    return this.#ranges.ofHash(keyHash(name, key).readUInt16BE(0));
  }

  /**
   * The position for a new actor. Throws `store.invalid_commit` if its id would lead elsewhere: the databases could not
   * see that an id or a key exists twice.
   */
  ofNew(id: string, name: string, key: ActorKey): number {
    const position = this.ofAddress(name, key);
    const hash = hashOfId(id);
    if (hash !== undefined && this.#ranges.ofHash(hash) === position) return position;
    throw invalidCommit("In a store on several databases, the id of a new actor has the hash of its address");
  }

  /** At once, if it can be. An actor that nobody has created is looked for in the first database. */
  ofId(id: string): number | Promise<number> {
    const hash = hashOfId(id);
    if (hash !== undefined) return this.#ranges.ofHash(hash);
    // Commits that wait for a running search go before those that need none any more.
    return this.#looking.get(id) ?? this.#known.get(id) ?? this.#look(id);
  }

  #look(id: string): Promise<number> {
    const looking = this.#find(id).then((position) => {
      if (position !== undefined) this.learn(id, position);
      return position ?? 0;
    });
    this.#looking.set(id, looking);
    const ended = () => void this.#looking.delete(id);
    looking.then(ended, ended);
    return looking;
  }

  learn(id: string, position: number): void {
    if (hashOfId(id) !== undefined) return;
    this.#known.delete(id);
    this.#known.set(id, position);
    if (this.#known.size <= limits.maxKnownActors) return;
    for (const oldest of this.#known.keys()) return void this.#known.delete(oldest);
  }
}
