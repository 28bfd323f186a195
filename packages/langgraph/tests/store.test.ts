import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createClient } from "@holdfast/client";
import { Embeddings } from "@langchain/core/embeddings";
import { Annotation, type LangGraphRunnableConfig, START, StateGraph } from "@langchain/langgraph";
import { HoldfastStore } from "../src/index.ts";
import { dataDirectory, openRegistry } from "./support.ts";

const registry = openRegistry(dataDirectory());
const remote = createClient<typeof registry>((await registry.listen({ host: "127.0.0.1", port: 0 })).url);
after(async () => {
  await remote.dispose();
  await registry.shutdown();
});

/** Counts vowels: enough to tell texts apart. */
class Vowels extends Embeddings {
  constructor() {
    super({});
  }
  async embedQuery(text: string): Promise<number[]> {
    return [..."aeiou"].map((vowel) => text.split(vowel).length - 1);
  }
  async embedDocuments(texts: string[]): Promise<number[][]> {
    return await Promise.all(texts.map((text) => this.embedQuery(text)));
  }
}

test("items are put, replaced, read, searched and removed, in this process and over the network", async () => {
  for (const [root, client] of Object.entries({ here: registry.client, there: remote })) {
    const store = new HoldfastStore(client);
    await store.put([root, "facts"], "tea", { kind: "drink", cups: 3 });
    await store.put([root, "facts"], "rice", { kind: "food", cups: 1 });
    await store.put([root, "facts", "old"], "milk", { kind: "drink", cups: 9 });
    await store.put([root], "note", { text: "x".repeat(2_000_000) });
    const tea = await store.get([root, "facts"], "tea");
    assert.deepEqual(
      [tea?.namespace, tea?.key, tea?.value],
      [[root, "facts"], "tea", { kind: "drink", cups: 3 }],
    );
    await store.put([root, "facts"], "tea", { kind: "drink", cups: 4 });
    const again = await store.get([root, "facts"], "tea");
    assert.equal(again?.value["cups"], 4);
    assert.deepEqual(again?.createdAt, tea?.createdAt);
    const keys = async (...args: Parameters<HoldfastStore["search"]>) =>
      (await store.search(...args)).map(({ key }) => key).sort();
    assert.deepEqual(await keys([root, "facts"]), ["milk", "rice", "tea"]);
    assert.deepEqual(await keys([root, "facts"], { filter: { kind: "drink" } }), ["milk", "tea"]);
    assert.deepEqual(await keys([root, "facts"], { filter: { cups: { $gt: 1, $lt: 9 } } }), ["tea"]);
    assert.deepEqual(await keys([root, "fact"]), []);
    const pages = [await keys([root], { limit: 3 }), await keys([root], { limit: 3, offset: 3 })];
    assert.deepEqual(pages.flat().sort(), ["milk", "note", "rice", "tea"]);
    await store.delete([root, "facts"], "tea");
    assert.equal(await store.get([root, "facts"], "tea"), null);
  }
});

test("namespaces are listed by prefix, suffix and depth, also across roots", async () => {
  const store = new HoldfastStore(registry.client, { rootLength: 2 });
  for (const namespace of [
    ["list", "ann", "a", "v1"],
    ["list", "ann", "b", "v2"],
    ["list", "bob", "a", "v1"],
    ["list"],
  ])
    await store.put(namespace, "k", {});
  const list = (options: Parameters<HoldfastStore["listNamespaces"]>[0]) => store.listNamespaces(options);
  const ann = [
    ["list", "ann", "a", "v1"],
    ["list", "ann", "b", "v2"],
  ];
  assert.deepEqual(await list({ prefix: ["list", "ann"] }), ann);
  assert.deepEqual(await list({ prefix: ["list", "*", "a"] }), [ann[0], ["list", "bob", "a", "v1"]]);
  assert.deepEqual(await list({ prefix: ["list"], suffix: ["v2"] }), [ann[1]]);
  assert.deepEqual(await list({ prefix: ["list"], maxDepth: 2 }), [
    ["list"],
    ["list", "ann"],
    ["list", "bob"],
  ]);
  assert.deepEqual(await list({ prefix: ["list"], limit: 1, offset: 1 }), [ann[0]]);
  assert.equal((await store.search(["list"])).length, 4);
  assert.equal(await registry.client.langGraphMemory.count({ prefix: ["list"] }), 3);
});

test("a search by meaning ranks items by their texts, those without any last", async () => {
  const index = { dims: 5, embeddings: new Vowels(), fields: ["text"] };
  const store = new HoldfastStore(registry.client, { index });
  await store.put(["search"], "a", { text: "banana" });
  await store.put(["search"], "i", { text: "kiwi" });
  await store.put(["search"], "none", { text: "papaya" }, false);
  const found = await store.search(["search"], { query: "bananas" });
  assert.deepEqual(
    found.map(({ key, score }) => [key, score === undefined ? undefined : Math.round(score)]),
    [
      ["a", 1],
      ["i", 0],
      ["none", undefined],
    ],
  );
  await store.put(["search"], "a", { text: "igloo" });
  const [first] = await store.search(["search"], { query: "kiwis", limit: 1 });
  assert.equal(first?.key, "i");
});

test("a graph keeps memory across its threads; a batch reads what was there before it", async () => {
  const store = new HoldfastStore(registry.client);
  const graph = new StateGraph(Annotation.Root({ known: Annotation<number> }))
    .addNode("remember", async (_state, config: LangGraphRunnableConfig) => {
      const { length } = (await config.store?.search(["graph"])) ?? [];
      await config.store?.put(["graph"], `fact ${length}`, {});
      return { known: length };
    })
    .addEdge(START, "remember")
    .compile({ store });
  assert.equal((await graph.invoke({})).known, 0);
  assert.equal((await graph.invoke({})).known, 1);
  const [before] = await store.batch([
    { namespace: ["graph"], key: "later" },
    { namespace: ["graph"], key: "later", value: { n: 1 } },
    { namespace: ["graph"], key: "later", value: { n: 2 } },
  ]);
  assert.equal(before, null);
  assert.deepEqual((await store.get(["graph"], "later"))?.value, { n: 2 });
  await assert.rejects(store.put([], "k", {}), /Namespace cannot be empty/);
});
