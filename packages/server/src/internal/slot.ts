import type { ActorInstance } from "@holdfast/actors";
import type { HoldfastError } from "@holdfast/core";

/** Purpose of a load: find an actor; find or create it; create it if there is none. */
export type Purpose = "get" | "getOrCreate" | "create";

/**
 * An actor in memory, or being loaded. At most one per name and key. It exists as long as the actor is in memory, and
 * has promises only while something waits.
 */
export class Slot {
  /** Purpose of the running load: its failure does not answer requests with another purpose. */
  readonly purpose: Purpose;
  instance: ActorInstance | undefined;
  /** Set until the load has ended. */
  #load: { readonly loading: Promise<ActorInstance>; readonly ended: Promise<void> } | undefined;
  /** Rejects {@link loading}; undefined if that was settled. */
  #giveUp: ((error: HoldfastError) => void) | undefined;
  #gone: PromiseWithResolvers<void> | undefined;
  #successor: (() => void) | undefined;
  #isFree = false;

  constructor(purpose: Purpose) {
    this.purpose = purpose;
  }

  /** Settles when the actor was found or its creation has begun, or nobody can wait for that any longer. */
  get loading(): Promise<ActorInstance> {
    if (this.#load !== undefined) return this.#load.loading;
    if (this.instance !== undefined) return Promise.resolve(this.instance);
    throw new Error("nothing is loaded into this slot");
  }

  /** Resolves when the load has ended, in whatever way. */
  get ended(): Promise<void> {
    return this.#load?.ended ?? Promise.resolve();
  }

  /** `work` sets `instance`; `failed` is called before any waiter learns of a failure. */
  begin(work: Promise<ActorInstance>, failed: () => void): void {
    const { promise: loading, resolve, reject } = Promise.withResolvers<ActorInstance>();
    this.#giveUp = reject;
    const ended = work.then(
      (instance) => {
        this.#load = undefined;
        this.#giveUp = undefined;
        resolve(instance);
      },
      (error: unknown) => {
        this.#giveUp = undefined;
        failed();
        reject(error);
      },
    );
    // An abandoned load has no waiters, or a creation that nobody awaits.
    loading.catch(() => undefined);
    this.#load = { loading, ended };
  }

  /** Rejects those who wait for the load, which goes on. */
  abandon(error: HoldfastError): void {
    this.#giveUp?.(error);
    this.#giveUp = undefined;
  }

  /** True if the load goes on, and nobody waits for it. */
  get isAbandoned(): boolean {
    return this.instance === undefined && this.#load !== undefined && this.#giveUp === undefined;
  }

  /** Resolves when the slot is free again. */
  get gone(): Promise<void> {
    if (this.#isFree) return Promise.resolve();
    this.#gone ??= Promise.withResolvers();
    return this.#gone.promise;
  }

  /**
   * Has `occupy` take the place of this slot when it becomes free, before those who wait for {@link gone} look again.
   * Undefined if another successor has asked before.
   */
  succeed(occupy: () => Slot): Promise<Slot> | undefined {
    if (this.#successor !== undefined) return undefined;
    return new Promise((resolve) => {
      this.#successor = () => resolve(occupy());
    });
  }

  free(): void {
    this.#isFree = true;
    this.#successor?.();
    this.#gone?.resolve();
  }
}

/** The slots by actor address. */
export class Slots extends Map<string, Slot> {
  /** Takes the slot synchronously, so that later requests wait for this load. */
  occupy(address: string, purpose: Purpose, load: (slot: Slot) => Promise<ActorInstance>): Slot {
    const slot = new Slot(purpose);
    this.set(address, slot);
    slot.begin(load(slot), () => this.free(address, slot));
    return slot;
  }

  free(address: string, slot: Slot): void {
    if (this.get(address) === slot) this.delete(address);
    slot.free();
  }
}
