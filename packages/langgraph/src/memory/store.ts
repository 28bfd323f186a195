import { callLarge, KeyedActors } from "@holdfast/adapter-kit";
import { HoldfastError } from "@holdfast/core";
import {
  BaseStore,
  type GetOperation,
  type IndexConfig,
  type Item,
  type ListNamespacesOperation,
  type Operation,
  type OperationResults,
  type PutOperation,
  type SearchItem,
  type SearchOperation,
  validateNamespace,
} from "@langchain/langgraph-checkpoint";
import { factory, type LangGraphClient } from "../actors.ts";
import { embedQuery, embedTexts } from "./embeddings.ts";
import type { memoryActor } from "./memory-actor.ts";
import { matches, prefixOf } from "./namespaces.ts";
import type { ItemSearch, NewItem, StoredItem } from "./types.ts";

/** Options of {@link HoldfastStore}. */
export interface HoldfastStoreOptions {
  /** Embeds texts of items and queries, so that `search` finds by meaning. */
  readonly index?: IndexConfig;
  /**
   * Number of labels that select the actor, 1 by default: `["ann", "facts"]` is in the actor `ann`. With 2, items of
   * `["memories", "ann"]` and `["memories", "bob"]` are in actors of their own. Must not change once there are items.
   */
  readonly rootLength?: number;
}

/**
 * Keeps the memory of LangGraph in actors: one for each namespace root. When `put` resolves, the item is durable; the
 * puts of a batch to one root are one transaction. Errors: `adapter.actor_missing`, `adapter.call_too_large`,
 * `actor.key_too_long`, and those of calls.
 */
export class HoldfastStore extends BaseStore {
  readonly #roots: KeyedActors<ReturnType<typeof memoryActor>>;
  readonly #index: IndexConfig | undefined;
  readonly #rootLength: number;

  /** `client` is `registry.client`, or one of `createClient` for a registry with `langGraphActors`. */
  constructor(client: LangGraphClient, options: HoldfastStoreOptions = {}) {
    super();
    this.#roots = new KeyedActors(client.langGraphMemory, { name: "langGraphMemory", factory });
    this.#index = options.index;
    this.#rootLength = options.rootLength ?? 1;
    if (!Number.isInteger(this.#rootLength) || this.#rootLength < 1)
      throw new HoldfastError("langgraph", "invalid_options", "rootLength is a whole number from 1 on", {
        statusCode: 400,
      });
  }

  /** Reads see what was there before the batch; its puts follow, the last one for each item. */
  override async batch<Op extends Operation[]>(operations: Op): Promise<OperationResults<Op>> {
    const puts = new Map<string, PutOperation>();
    const results = await Promise.all(
      operations.map(async (operation): Promise<unknown> => {
        if ("namespacePrefix" in operation) return await this.#search(operation);
        if ("value" in operation) {
          validateNamespace(operation.namespace, { allowReservedRoot: true });
          puts.set(JSON.stringify([operation.namespace, operation.key]), operation);
          return undefined;
        }
        if ("key" in operation) return await this.#get(operation);
        return await this.#list(operation);
      }),
    );
    await this.#put([...puts.values()]);
    return results as OperationResults<Op>;
  }

  async #get({ namespace, key }: GetOperation): Promise<Item | null> {
    const found = await this.#roots.find(this.#rootOf(namespace), (handle) =>
      callLarge(handle, handle.readItems, [{ namespace, key }]),
    );
    const item = found?.[0] ?? null;
    return item === null ? null : itemOf(item);
  }

  async #put(puts: readonly PutOperation[]): Promise<void> {
    const vectors = await embedTexts(this.#index, puts);
    const byRoot = Map.groupBy(
      puts.map((put, at): NewItem => {
        const { namespace, key, value } = put;
        const text = value === null ? null : JSON.stringify(value);
        return { namespace, key, value: text, vectors: vectors[at] ?? [] };
      }),
      ({ namespace }) => JSON.stringify(this.#rootOf(namespace)),
    );
    await Promise.all(
      [...byRoot.values()].map(async (items) => {
        const root = this.#rootOf(items[0]?.namespace ?? []);
        const isRemoval = items.every(({ value }) => value === null);
        await this.#roots[isRemoval ? "find" : "open"](root, (handle) =>
          callLarge(handle, handle.putItems, items),
        );
      }),
    );
  }

  async #search(operation: SearchOperation): Promise<SearchItem[]> {
    const { namespacePrefix: prefix, filter = {}, limit = 10, offset = 0, query } = operation;
    const vector = query === undefined ? undefined : await embedQuery(this.#index, query);
    const end = offset + limit;
    const search: ItemSearch = { prefix, filter, limit: end, ...(vector === undefined ? {} : { vector }) };
    const found: StoredItem[][] = [];
    for await (const root of this.#rootsBelow(prefix)) {
      const items = await this.#roots.find(root, (handle) => callLarge(handle, handle.searchItems, search));
      if (items !== undefined) found.push(items);
    }
    const items = found.length === 1 ? found.flat() : found.flat().sort(inOrder);
    return items.slice(offset, end).map((item) => ({ ...itemOf(item), ...scoreOf(item) }));
  }

  async #list(operation: ListNamespacesOperation): Promise<string[][]> {
    const { matchConditions = [], maxDepth, limit, offset } = operation;
    const prefix = prefixOf(matchConditions);
    const found = new Map<string, string[]>();
    for await (const root of this.#rootsBelow(prefix)) {
      const all = await this.#roots.find(root, (handle) => callLarge(handle, handle.listNamespaces, prefix));
      for (const namespace of all ?? []) {
        if (!matches(namespace, matchConditions)) continue;
        const shown = namespace.slice(0, maxDepth ?? namespace.length);
        found.set(shown.join("."), shown);
      }
    }
    const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, namespace]) => namespace);
    return sorted.slice(offset, offset + limit);
  }

  #rootOf(namespace: readonly string[]): readonly string[] {
    return namespace.slice(0, this.#rootLength);
  }

  /** Actors that can have items below the prefix: one, unless it is shorter than a root. */
  async *#rootsBelow(prefix: readonly string[]): AsyncGenerator<readonly string[]> {
    if (prefix.length >= this.#rootLength) yield this.#rootOf(prefix);
    else yield* this.#roots.keys(prefix);
  }
}

function inOrder(a: StoredItem, b: StoredItem): number {
  const scores = (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY);
  return scores || b.updatedAt - a.updatedAt;
}

function itemOf({ namespace, key, value, createdAt, updatedAt }: StoredItem): Item {
  const times = { createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) };
  return { namespace: [...namespace], key, value: JSON.parse(value), ...times };
}

function scoreOf({ score }: StoredItem): { score?: number } {
  return score === undefined ? {} : { score };
}
