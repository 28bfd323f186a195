import { getTextAtPath, type IndexConfig, type PutOperation } from "@langchain/langgraph-checkpoint";

/** Vectors of the texts of each item: none for items that are removed or not indexed. */
export async function embedTexts(
  index: IndexConfig | undefined,
  puts: readonly PutOperation[],
): Promise<Float32Array[][]> {
  const texts = puts.map((put) => (index === undefined ? [] : textsOf(put, index)));
  const unique = [...new Set(texts.flat())];
  if (index === undefined || unique.length === 0) return puts.map(() => []);
  const embedded = await index.embeddings.embedDocuments(unique);
  const vectors = new Map(unique.map((text, at) => [text, Float32Array.from(embedded[at] ?? [])]));
  return texts.map((each) => each.flatMap((text) => vectors.get(text) ?? []));
}

/** The vector of a query; undefined without an index, as items are then found without it. */
export async function embedQuery(
  index: IndexConfig | undefined,
  query: string,
): Promise<Float32Array | undefined> {
  return index === undefined ? undefined : Float32Array.from(await index.embeddings.embedQuery(query));
}

function textsOf({ value, index: paths }: PutOperation, config: IndexConfig): string[] {
  if (value === null || paths === false) return [];
  return (paths ?? config.fields ?? ["$"]).flatMap((path) =>
    path === "$" ? [JSON.stringify(value, null, 2)] : getTextAtPath(value, path),
  );
}
