import type { ClusterKeys, SealedEntry } from "./cluster-keys.ts";

/** Entries at one version of the store. */
export interface SealedList {
  readonly version: number;
  readonly entries: ReadonlyMap<string, SealedEntry>;
}

/**
 * Port: encrypted entries in a store that all nodes share. It never sees a key. A change is durable when its promise
 * resolves, and every later read of any node sees it.
 */
export interface SealedEntries {
  get(name: string): Promise<SealedEntry | undefined>;
  /** The entries whose names begin with `prefix`; undefined when nothing has changed since version `since`. */
  list(prefix: string, since?: number): Promise<SealedList | undefined>;
  /**
   * Writes an entry. With `replaces`, only over the entry with this `iv`, or where there is none for null. Returns
   * whether it was written.
   */
  put(name: string, entry: SealedEntry, replaces?: string | null): Promise<boolean>;
  /** Returns whether there was one. */
  delete(name: string): Promise<boolean>;
}

/** Kinds of entries, which are the beginnings of their names. */
const kinds = { check: "check ", value: "value ", grant: "grant ", auditKey: "audit-key " } as const;

export type EntryKind = keyof typeof kinds;

/** The entries of one kind, opened. Values that were read are kept until the store changes. */
export class OpenedEntries {
  readonly #entries: SealedEntries;
  readonly #keys: ClusterKeys;
  readonly #kind: string;
  #known: { readonly version: number; readonly values: ReadonlyMap<string, string> } | undefined;

  constructor(entries: SealedEntries, keys: ClusterKeys, kind: EntryKind) {
    this.#entries = entries;
    this.#keys = keys;
    this.#kind = kinds[kind];
  }

  /** Throws `vault.unknown_cluster_key`, `vault.damaged`. */
  async get(name: string): Promise<string | undefined> {
    const id = this.#kind + name;
    const entry = await this.#entries.get(id);
    return entry === undefined ? undefined : this.#keys.open(id, entry);
  }

  /** All values by name. Throws `vault.unknown_cluster_key`, `vault.damaged`. */
  async all(): Promise<ReadonlyMap<string, string>> {
    const changed = await this.#entries.list(this.#kind, this.#known?.version);
    if (changed !== undefined) {
      const opened = [...changed.entries].map(
        ([id, entry]) => [id.slice(this.#kind.length), this.#keys.open(id, entry)] as const,
      );
      this.#known = { version: changed.version, values: new Map(opened) };
    }
    return this.#known?.values ?? new Map();
  }

  /** Names of the entries, whether or not they can be opened. */
  async names(): Promise<readonly string[]> {
    const { entries } = (await this.#entries.list(this.#kind)) ?? { entries: new Map() };
    return [...entries.keys()].map((id) => id.slice(this.#kind.length));
  }

  /** Returns whether it was written: with `isNew`, only if there is no such entry. */
  async set(name: string, value: string, isNew = false): Promise<boolean> {
    const id = this.#kind + name;
    return this.#entries.put(id, this.#keys.seal(id, value), isNew ? null : undefined);
  }

  delete(name: string): Promise<boolean> {
    return this.#entries.delete(this.#kind + name);
  }
}
