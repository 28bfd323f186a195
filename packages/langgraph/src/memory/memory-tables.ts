import type { RawAccess } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { migrateLargeCalls } from "@holdfast/adapter-kit";
import { decodeKey, encodeKey } from "@holdfast/core";
import { fitsFilter } from "./filter.ts";
import type { ItemAddress, ItemSearch, NewItem, StoredItem } from "./types.ts";

const migrateTables = migrations({
  tableName: "langgraph_memory_migrations",
  migrations: [
    {
      version: 1,
      // Namespaces are stored as keys of actors are: a prefix of labels is a prefix of the text.
      sql: `
        CREATE TABLE item (
          id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
          created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, UNIQUE (namespace, key)
        ) STRICT;
        CREATE TABLE item_vector (
          item_id INTEGER NOT NULL REFERENCES item (id) ON DELETE CASCADE, position INTEGER NOT NULL,
          vector BLOB NOT NULL, PRIMARY KEY (item_id, position)
        ) STRICT, WITHOUT ROWID;`,
    },
  ],
});

/** Makes the tables of memory. */
export async function migrateMemory(db: RawAccess): Promise<void> {
  await migrateLargeCalls(db);
  await migrateTables(db);
}

interface ItemRow {
  readonly id: number;
  readonly namespace: string;
  readonly key: string;
  readonly value: string;
  readonly created_at: number;
  readonly updated_at: number;
}

/** Stores and removes items, in order. */
export async function putItems(tx: RawAccess, items: readonly NewItem[]): Promise<void> {
  for (const item of items) await putItem(tx, item);
}

async function putItem(tx: RawAccess, { namespace, key, value, vectors }: NewItem): Promise<void> {
  const address = [encodeKey(namespace), key] as const;
  if (value === null) {
    await tx.execute("DELETE FROM item WHERE namespace = ? AND key = ?", ...address);
    return;
  }
  const now = Date.now();
  const [row] = await tx.execute<{ id: number }>(
    `INSERT INTO item (namespace, key, value, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (namespace, key) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at
     RETURNING id`,
    ...[...address, value, now, now],
  );
  if (row === undefined) throw new Error("A stored row was not returned");
  await tx.execute("DELETE FROM item_vector WHERE item_id = ?", row.id);
  for (const [position, vector] of vectors.entries())
    await tx.execute(
      "INSERT INTO item_vector (item_id, position, vector) VALUES (?, ?, ?)",
      ...[row.id, position, new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)],
    );
}

/** The items at the addresses, in the same order; null where there is none. */
export function readItems(db: RawAccess, addresses: readonly ItemAddress[]): (StoredItem | null)[] {
  return addresses.map(({ namespace, key }) => {
    const row = db.get<ItemRow>(
      "SELECT * FROM item WHERE namespace = ? AND key = ?",
      ...[encodeKey(namespace), key],
    );
    return row === undefined ? null : storedItem(row);
  });
}

/** Items below a namespace: the most similar ones first if there is a vector, then those that changed last. */
export function searchItems(db: RawAccess, search: ItemSearch): StoredItem[] {
  const { prefix, filter, limit, vector } = search;
  const rows = db
    .query<ItemRow>(
      "SELECT * FROM item WHERE substr(namespace, 1, length(?1)) = ?1 ORDER BY updated_at DESC, id DESC",
      encodeKey(prefix),
    )
    .filter(({ value }) => Object.keys(filter).length === 0 || fitsFilter(JSON.parse(value), filter));
  if (vector === undefined) return rows.slice(0, limit).map((row) => storedItem(row));
  const scored = rows.map((row) => ({ row, score: similarity(db, row.id, vector) }));
  scored.sort((a, b) => (b.score ?? Number.NEGATIVE_INFINITY) - (a.score ?? Number.NEGATIVE_INFINITY) || 0);
  return scored.slice(0, limit).map(({ row, score }) => storedItem(row, score));
}

/** The best cosine similarity of an item's texts to the query; undefined for an item without vectors. */
function similarity(db: RawAccess, itemId: number, query: Float32Array): number | undefined {
  const rows = db.query<{ vector: Uint8Array }>("SELECT vector FROM item_vector WHERE item_id = ?", itemId);
  const scores = rows.map(({ vector }) => cosine(query, new Float32Array(vector.slice().buffer)));
  return scores.length === 0 ? undefined : Math.max(...scores);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [product, sizeA, sizeB] = [0, 0, 0];
  for (const [at, value] of a.entries()) {
    const other = b[at] ?? 0;
    product += value * other;
    sizeA += value * value;
    sizeB += other * other;
  }
  return sizeA === 0 || sizeB === 0 ? 0 : product / Math.sqrt(sizeA * sizeB);
}

/** The namespaces that have items, below a prefix. */
export function listNamespaces(db: RawAccess, prefix: readonly string[]): (readonly string[])[] {
  return db
    .query<{ namespace: string }>(
      "SELECT DISTINCT namespace FROM item WHERE substr(namespace, 1, length(?1)) = ?1 ORDER BY namespace",
      encodeKey(prefix),
    )
    .map(({ namespace }) => decodeKey(namespace));
}

function storedItem(row: ItemRow, score?: number): StoredItem {
  return {
    ...{ namespace: decodeKey(row.namespace), key: row.key, value: row.value },
    ...{ createdAt: row.created_at, updatedAt: row.updated_at },
    ...(score === undefined ? {} : { score }),
  };
}
