import assert from "node:assert/strict";
import { test } from "node:test";
import typescript from "typescript";
import { prepareSource, throwsIn } from "./contract-types.ts";

test("each action becomes an object with its arguments and its result", () => {
  const text = `
interface Fruit { readonly name: string }
export interface FruitActions extends BasketActions {
  /** Eats. Throws \`fruit.gone\`, \`.rotten\`. */
  eat(fruit: Fruit, how?: { slowly: boolean }): Promise<readonly Fruit[]>;
  wash(): Promise<void>;
}`;
  const { text: prepared, interfaces } = prepareSource(typescript, "fruit.ts", text);
  assert.ok(
    prepared.endsWith(`export interface FruitActionsDescribed {
  eat: { args: { fruit: Fruit; how?: { slowly: boolean } }; output: readonly Fruit[]; };
  wash: { args: {  }; };
}
`),
    prepared,
  );
  const [found] = interfaces;
  assert.deepEqual([found?.name, found?.extends], ["FruitActions", ["BasketActions"]]);
  assert.deepEqual(found?.methods[0], {
    name: "eat",
    description: "Eats. Throws `fruit.gone`, `.rotten`.",
    throws: ["fruit.gone", "fruit.rotten"],
    parameters: [
      { name: "fruit", isOptional: false },
      { name: "how", isOptional: true },
    ],
  });
});

test("codes are those after the word, each with its group", () => {
  assert.deepEqual(throwsIn("Uses `a.b`."), []);
  assert.deepEqual(throwsIn("Throws `forge.*`, `task.busy`,\n `.too_many`."), [
    "forge.*",
    "task.busy",
    "task.too_many",
  ]);
});
