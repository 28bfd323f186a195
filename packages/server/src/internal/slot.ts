import type { ActorInstance } from "@holdfast/actors";

/** Finds an actor; finds it or makes it; makes it where there is none. */
export type Purpose = "get" | "getOrCreate" | "create";

/**
 * An actor in memory, or on its way there. There is at most one for a name and key. It stays for as long
 * as the actor does, and has promises only while somebody waits for something.
 */
export class Slot {
  /** What is asked of this load: its failure is no answer to those who ask for something else. */
  readonly purpose: Purpose;
  instance: ActorInstance | undefined;
  /** Until the load has ended. */
  #loading: Promise<ActorInstance> | undefined;
  #gone: PromiseWithResolvers<void> | undefined;
  #isFree = false;

  constructor(purpose: Purpose) {
    this.purpose = purpose;
  }

  /** Settles when the actor was found or its creation began. */
  get loading(): Promise<ActorInstance> {
    if (this.#loading !== undefined) return this.#loading;
    if (this.instance !== undefined) return Promise.resolve(this.instance);
    throw new Error("nothing is loaded into this slot");
  }

  /** What is under way sets `instance`; `failed` is called before anybody hears of a failure. */
  begin(work: Promise<ActorInstance>, failed: () => void): void {
    const loading = work.catch((error: unknown) => {
      failed();
      throw error;
    });
    this.#loading = loading;
    const ended = (): void => {
      if (this.instance !== undefined) this.#loading = undefined;
    };
    loading.then(ended, ended);
  }

  /** Resolves when the slot is free again. */
  get gone(): Promise<void> {
    if (this.#isFree) return Promise.resolve();
    this.#gone ??= Promise.withResolvers();
    return this.#gone.promise;
  }

  free(): void {
    this.#isFree = true;
    this.#gone?.resolve();
  }
}

/** The slots by the addresses of their actors. */
export class Slots extends Map<string, Slot> {
  /** Takes the slot at once, so that whoever comes next waits for this load. */
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
