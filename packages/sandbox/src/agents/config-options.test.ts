import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ObservedOptions, optionsFromSession } from "./config-options.ts";

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

describe("the choices of a session", () => {
  test("are taken from configOptions, with groups laid flat", () => {
    const grouped = { ...model, options: [{ group: "g", name: "G", options: model.options }] };
    assert.deepEqual(optionsFromSession({ configOptions: [grouped] }), [model]);
    const described = { ...model, description: "which one", options: [{ value: "a", description: "x" }] };
    assert.deepEqual(optionsFromSession({ configOptions: [described] }), [
      { ...model, options: [{ value: "a", name: "a" }] },
    ]);
  });

  test("are taken from models and modes for what configOptions leaves out", () => {
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
    assert.deepEqual(optionsFromSession({ configOptions: [model], models, modes }), [model, mode]);
    assert.deepEqual(
      optionsFromSession({ models }).map((option) => option.currentValue),
      ["m"],
    );
  });

  test("are none in an answer that makes no sense", () => {
    for (const result of [
      undefined,
      null,
      [],
      {},
      { configOptions: {} },
      { configOptions: [1, { id: 1 }] },
    ]) {
      assert.deepEqual(optionsFromSession(result), []);
    }
    for (const odd of [
      { ...model, type: "text" },
      { ...model, category: "colour" },
      { ...model, id: 1 },
    ]) {
      assert.deepEqual(optionsFromSession({ configOptions: [odd] }), []);
    }
    assert.deepEqual(optionsFromSession({ modes: { availableModes: [] } }), []);
  });

  test("an answer that says nothing does not take back what was said", () => {
    const observed = new ObservedOptions();
    assert.equal(observed.get("x"), undefined);
    observed.observe("x", { configOptions: [model] });
    observed.observe("x", { sessionId: "s" });
    assert.deepEqual(observed.get("x"), [model]);
  });
});
