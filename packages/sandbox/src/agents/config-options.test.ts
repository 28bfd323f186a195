import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ObservedOptions, parseSessionOptions } from "./config-options.ts";

const model = {
  id: "llm",
  name: "Language model",
  category: "model",
  type: "select",
  currentValue: "b",
  options: [
    { value: "a", name: "A" },
    { value: "b", name: "B" },
  ],
};

describe("the options of a session", () => {
  test("are read from configOptions, with groups flattened", () => {
    const grouped = { ...model, options: [{ group: "g", name: "G", options: model.options }] };
    assert.deepEqual(parseSessionOptions({ configOptions: [grouped] }), [model]);
    const described = { ...model, description: "which one", options: [{ value: "a", description: "x" }] };
    assert.deepEqual(parseSessionOptions({ configOptions: [described] }), [
      { ...model, options: [{ value: "a", name: "a" }] },
    ]);
  });

  test("fall back to models and modes where configOptions has none", () => {
    const modes = { currentModeId: "ask", availableModes: [{ id: "ask", name: "Ask" }, { id: "auto" }] };
    const models = { currentModelId: "m", availableModels: [{ modelId: "m", name: "M" }] };
    const mode = {
      id: "mode",
      name: "Mode",
      category: "mode",
      type: "select",
      currentValue: "ask",
      options: [
        { value: "ask", name: "Ask" },
        { value: "auto", name: "auto" },
      ],
    };
    assert.deepEqual(parseSessionOptions({ configOptions: [model], models, modes }), [model, mode]);
    assert.deepEqual(
      parseSessionOptions({ models }).map((option) => option.currentValue),
      ["m"],
    );
  });

  test("are empty for a malformed result", () => {
    for (const result of [
      undefined,
      null,
      [],
      {},
      { configOptions: {} },
      { configOptions: [1, { id: 1 }] },
    ]) {
      assert.deepEqual(parseSessionOptions(result), []);
    }
    for (const odd of [
      { ...model, type: "text" },
      { ...model, category: "colour" },
      { ...model, id: 1 },
    ]) {
      assert.deepEqual(parseSessionOptions({ configOptions: [odd] }), []);
    }
    assert.deepEqual(parseSessionOptions({ modes: { availableModes: [] } }), []);
  });

  test("a result without options keeps the options observed before", () => {
    const observed = new ObservedOptions();
    assert.equal(observed.get("x"), undefined);
    observed.observe("x", { configOptions: [model] });
    observed.observe("x", { sessionId: "s" });
    assert.deepEqual(observed.get("x"), [model]);
  });
});
