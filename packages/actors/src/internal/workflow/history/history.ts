/** Durable history of a workflow, and its view in inspectors. */
import { decodeValue, encodeValue, HoldfastError } from "@holdfast/core";
import { afterPrefix, type EntryBuffer } from "../../kv/entry-buffer.ts";
import { maxStoredDepth } from "../../util/stored-depth.ts";
import { workflowLimits } from "../limits.ts";
import { appendSegment, decodePath, ordinalsKey, rootPrefix, type Segment, showPath } from "./location.ts";
import {
  decodeBox,
  decodeEntry,
  type EntryFields,
  type EntryKind,
  encodeBox,
  encodeEntry,
} from "./record.ts";

/** The entries of one scope: the workflow itself, an iteration, or a branch. */
export interface ScopeNode {
  readonly path: readonly Segment[];
  readonly prefix: Uint8Array;
  /** By name, in order of creation. */
  readonly entries: Map<string, Entry>;
}

export interface Entry extends EntryFields {
  readonly name: string;
  readonly key: Uint8Array;
  readonly path: readonly Segment[];
  /** Scopes below a loop, join, race or try, by iteration or branch. */
  readonly scopes: Map<Segment, ScopeNode>;
  /** True once it was removed from the history: what still runs for it is not recorded. */
  detached: boolean;
  /** True if it has a record, so that a replay finds it. */
  recorded: boolean;
}

/**
 * The history of a workflow: a tree in memory, with one stored record per entry. Every change of an entry is written
 * with the open turn.
 */
export class History {
  readonly root: ScopeNode = { path: [], prefix: rootPrefix, entries: new Map() };
  readonly #records: EntryBuffer;
  #nextOrdinal = 1;
  #nextCompletion = 1;
  #count = 0;
  /** True if a value has been recorded that a replay could not obtain again, and that may not be durable yet. */
  pending = false;

  constructor(records: EntryBuffer) {
    this.#records = records;
  }

  get size(): number {
    return this.#count;
  }

  /** Reads the records, also a second time. */
  async load(): Promise<void> {
    const [next, found] = await Promise.all([
      this.#records.get(ordinalsKey),
      this.#records.list({ start: rootPrefix, end: afterPrefix(rootPrefix) }),
    ]);
    this.root.entries.clear();
    this.#count = 0;
    if (next !== undefined) this.#nextOrdinal = Number(decodeBox(next));
    const decoded = found.map(({ key, value }) => ({
      key,
      path: decodePath(key),
      fields: decodeEntry(value),
    }));
    // A parent has a lower ordinal than its children, so that it exists when they are read.
    decoded.sort((a, b) => a.fields.ordinal - b.fields.ordinal);
    for (const { key, path, fields } of decoded) {
      const scope = this.#find(path.slice(0, -1));
      const name = path.at(-1);
      if (scope === undefined || typeof name !== "string") continue;
      this.#add(scope, name, key, fields, true);
    }
  }

  #find(path: readonly Segment[]): ScopeNode | undefined {
    let scope = this.root;
    for (let at = 0; at < path.length; at += 2) {
      const name = path[at];
      const branch = path[at + 1];
      const entry = typeof name === "string" ? scope.entries.get(name) : undefined;
      if (entry === undefined || branch === undefined) return undefined;
      scope = this.scope(entry, branch);
    }
    return scope;
  }

  #add(scope: ScopeNode, name: string, key: Uint8Array, fields: EntryFields, recorded: boolean): Entry {
    const entry: Entry = {
      ...fields,
      name,
      key,
      path: [...scope.path, name],
      scopes: new Map(),
      detached: false,
      recorded,
    };
    scope.entries.set(name, entry);
    this.#count++;
    this.#nextOrdinal = Math.max(this.#nextOrdinal, fields.ordinal + 1);
    this.#nextCompletion = Math.max(this.#nextCompletion, (fields.completion ?? 0) + 1);
    return entry;
  }

  /** The scope below an entry: one iteration of a loop, one branch of a join or race. */
  scope(entry: Entry, branch: Segment): ScopeNode {
    let scope = entry.scopes.get(branch);
    if (scope === undefined) {
      scope = {
        path: [...entry.path, branch],
        prefix: appendSegment(entry.key, branch),
        entries: new Map(),
      };
      entry.scopes.set(branch, scope);
    }
    return scope;
  }

  /** Creates an entry in memory; it is recorded with its first {@link save}. */
  begin(scope: ScopeNode, name: string, kind: EntryKind, now: number): Entry {
    if (this.#count >= workflowLimits.maxEntries) {
      const message = `A workflow has at most ${workflowLimits.maxEntries} history entries. Use a loop, or continueAsNew`;
      throw new HoldfastError("workflow", "history_too_long", message);
    }
    const fields: EntryFields = {
      ordinal: this.#nextOrdinal,
      kind,
      status: "pending",
      attempts: 0,
      createdAt: now,
      lastAttemptAt: undefined,
      completedAt: undefined,
      completion: undefined,
      error: undefined,
      rollbackCompletedAt: undefined,
      rollbackError: undefined,
      data: {},
    };
    return this.#add(scope, name, appendSegment(scope.prefix, name), fields, false);
  }

  /** Records the entry in its current state, with the open turn. */
  save(entry: Entry): void {
    if (entry.detached) return;
    const record = encodeEntry(entry);
    if (record.length > workflowLimits.maxValueBytes) {
      const message = `"${showPath(entry.path)}" records more than ${workflowLimits.maxValueBytes} bytes`;
      throw new HoldfastError("workflow", "value_too_large", message, { statusCode: 413 });
    }
    this.#records.put(entry.key, record);
    entry.recorded = true;
  }

  /** Marks an entry as completed and records it. */
  complete(entry: Entry, now: number): void {
    entry.status = "completed";
    entry.completedAt = now;
    entry.completion ??= this.#nextCompletion++;
    this.save(entry);
  }

  /** Removes an entry that was never recorded from the tree. */
  discard(scope: ScopeNode, entry: Entry): void {
    if (scope.entries.get(entry.name) !== entry) return;
    scope.entries.delete(entry.name);
    this.#detach(entry);
  }

  /** Deletes an entry with everything below it. */
  remove(scope: ScopeNode, entry: Entry): void {
    this.discard(scope, entry);
    this.#records.delete(entry.key);
    for (const branch of entry.scopes.keys()) this.#deleteBelow(appendSegment(entry.key, branch));
    this.#keepOrdinals();
  }

  /** Deletes everything below one branch or iteration of an entry. */
  removeScope(entry: Entry, branch: Segment): void {
    const scope = entry.scopes.get(branch);
    if (scope === undefined) return;
    entry.scopes.delete(branch);
    if (scope.entries.size === 0) return;
    for (const child of scope.entries.values()) this.#detach(child);
    this.#deleteBelow(scope.prefix);
    this.#keepOrdinals();
  }

  /** Ordinals identify steps externally: see `idempotencyKey`. */
  #keepOrdinals(): void {
    this.#records.put(ordinalsKey, encodeBox(this.#nextOrdinal));
  }

  #deleteBelow(prefix: Uint8Array): void {
    this.#records.deleteRange(prefix, afterPrefix(prefix));
  }

  #detach(entry: Entry): void {
    entry.detached = true;
    this.#count--;
    for (const scope of entry.scopes.values())
      for (const child of scope.entries.values()) this.#detach(child);
  }

  /** Deletes everything, for the next run. */
  clear(): void {
    for (const entry of this.root.entries.values()) this.#detach(entry);
    this.root.entries.clear();
    this.#deleteBelow(rootPrefix);
    this.#records.delete(ordinalsKey);
    this.#nextOrdinal = 1;
    this.#nextCompletion = 1;
  }

  /** All entries in order of creation. */
  all(): Entry[] {
    const found: Entry[] = [];
    const visit = (scope: ScopeNode): void => {
      for (const entry of scope.entries.values()) {
        found.push(entry);
        for (const below of entry.scopes.values()) visit(below);
      }
    };
    visit(this.root);
    return found.sort((a, b) => a.ordinal - b.ordinal);
  }
}

/**
 * A value as it will be decoded from the record, so that the first run sees the same as a replay. Throws
 * `message.unsupported_value`, `message.too_deep`.
 */
export function recorded(value: unknown): unknown {
  if (typeof value !== "object" && typeof value !== "function" && typeof value !== "symbol") return value;
  if (value === null) return null;
  const bytes = encodeValue(value, { maxDepth: workflowLimits.maxValueDepth });
  return decodeValue(bytes, { maxDepth: maxStoredDepth });
}
