/** An item to be stored, with the vectors of its texts. */
export interface NewItem {
  readonly namespace: readonly string[];
  readonly key: string;
  /** JSON; null removes the item. */
  readonly value: string | null;
  readonly vectors: readonly Float32Array[];
}

/** An item of the memory. */
export interface StoredItem {
  readonly namespace: readonly string[];
  readonly key: string;
  /** JSON. */
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Similarity to the query, -1 to 1. */
  readonly score?: number;
}

/** The place of an item: its namespace and its key there. */
export interface ItemAddress {
  readonly namespace: readonly string[];
  readonly key: string;
}

/** Selects items below a namespace whose values match a filter. */
export interface ItemSearch {
  readonly prefix: readonly string[];
  readonly filter: Readonly<Record<string, unknown>>;
  /** Number of items from the first one on. */
  readonly limit: number;
  /** Vector of the query: the most similar items come first. */
  readonly vector?: Float32Array;
}
