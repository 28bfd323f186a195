/** Utilities of several folders: lazy collections, depth limits. */

/** A map that is allocated on first use. Most maps of an actor stay empty, and an empty `Map` takes over 200 bytes. */
export class LazyMap<Key, Value> {
  #map: Map<Key, Value> | undefined;

  get size(): number {
    return this.#map?.size ?? 0;
  }

  get(key: Key): Value | undefined {
    return this.#map?.get(key);
  }

  has(key: Key): boolean {
    return this.#map?.has(key) ?? false;
  }

  set(key: Key, value: Value): void {
    this.#map ??= new Map();
    this.#map.set(key, value);
  }

  delete(key: Key): boolean {
    return this.#map?.delete(key) ?? false;
  }

  clear(): void {
    this.#map = undefined;
  }

  keys(): Iterable<Key> {
    return this.#map?.keys() ?? [];
  }

  values(): Iterable<Value> {
    return this.#map?.values() ?? [];
  }

  [Symbol.iterator](): Iterator<[Key, Value]> {
    return (this.#map ?? none)[Symbol.iterator]() as Iterator<[Key, Value]>;
  }
}

const none: ReadonlyMap<never, never> = new Map<never, never>();

/** As {@link LazyMap}, for a set. A single item, the usual maximum, needs no set either. */
export class LazySet<Item extends object> {
  #only: Item | undefined;
  #set: Set<Item> | undefined;

  get size(): number {
    return this.#only === undefined ? (this.#set?.size ?? 0) : 1;
  }

  has(item: Item): boolean {
    return this.#only === item || (this.#set?.has(item) ?? false);
  }

  add(item: Item): void {
    if (this.#set !== undefined) this.#set.add(item);
    else if (this.#only === undefined) this.#only = item;
    else if (this.#only !== item) {
      this.#set = new Set([this.#only, item]);
      this.#only = undefined;
    }
  }

  delete(item: Item): boolean {
    if (this.#only !== item) return this.#set?.delete(item) ?? false;
    this.#only = undefined;
    return true;
  }

  clear(): void {
    this.#only = undefined;
    this.#set = undefined;
  }

  [Symbol.iterator](): Iterator<Item> {
    return (this.#set ?? (this.#only === undefined ? [] : [this.#only])).values();
  }
}

/** A promise that is created on first access; after settlement, access returns a settled promise. */
export class LazyPromise<Value> {
  #made: PromiseWithResolvers<Value> | undefined;
  #state: "pending" | "resolved" | "rejected" = "pending";
  /** The value or the error. */
  #outcome: unknown;

  get promise(): Promise<Value> {
    if (this.#state === "resolved") return Promise.resolve(this.#outcome as Value);
    if (this.#state === "rejected") {
      const failed = Promise.reject<Value>(this.#outcome);
      // A caller that only observes the promise does not have to handle its rejection.
      failed.catch(() => {});
      return failed;
    }
    if (this.#made === undefined) {
      this.#made = Promise.withResolvers<Value>();
      this.#made.promise.catch(() => {});
    }
    return this.#made.promise;
  }

  /** Only the first settlement has an effect. */
  resolve(value: Value): void {
    if (!this.#settle("resolved", value)) return;
    this.#made?.resolve(value);
    this.#made = undefined;
  }

  reject(error: unknown): void {
    if (!this.#settle("rejected", error)) return;
    this.#made?.reject(error);
    this.#made = undefined;
  }

  #settle(state: "resolved" | "rejected", outcome: unknown): boolean {
    if (this.#state !== "pending") return false;
    this.#state = state;
    this.#outcome = outcome;
    return true;
  }
}
