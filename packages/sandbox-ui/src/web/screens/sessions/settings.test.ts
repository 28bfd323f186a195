import assert from "node:assert/strict";
import { test } from "node:test";
import type { Session } from "../../api/types.ts";
import { readSettings, toSessionChange } from "./settings.ts";

const bare: Session = {
  id: "s",
  agent: "a",
  cwd: "/",
  origin: "session",
  status: "idle",
  lastSequence: 0,
  pendingPermissions: 0,
  queuedPrompts: 0,
  createdAt: 0,
  updatedAt: 0,
};
const modes = {
  currentModeId: "ask",
  availableModes: [{ id: "ask", name: "Ask first" }, { id: "auto" }],
};
const models = { currentModelId: "big", availableModels: [{ modelId: "big", name: "Big" }] };
const option = (
  id: string,
  category: string | undefined,
  options: unknown = [{ value: "x", name: "X" }],
) => ({
  id,
  name: `Name of ${id}`,
  ...(category === undefined ? {} : { category }),
  type: "select",
  currentValue: "x",
  options,
});

test("an agent without options has no settings", () => {
  assert.deepEqual(readSettings(bare), []);
  assert.deepEqual(readSettings({ ...bare, modes: null, models: 3, configOptions: "many" }), []);
  assert.deepEqual(readSettings({ ...bare, configOptions: [null, option("empty", "model", [])] }), []);
});

test("modes and models come from their lists, with the values chosen since", () => {
  const [mode, model] = readSettings({ ...bare, modes, models, model: "other" });
  assert.deepEqual(mode?.choices, [
    { value: "ask", name: "Ask first" },
    { value: "auto", name: "auto" },
  ]);
  assert.equal(mode?.current, "ask");
  assert.equal(model?.current, "other");
  assert.equal(readSettings({ ...bare, modes, mode: "auto" })[0]?.current, "auto");
});

test("options are ordered by category, the agent's own last, with grouped choices flattened", () => {
  const grouped = [{ name: "Group", options: [{ value: "x" }, { value: "y" }] }];
  const configOptions = [
    option("own", undefined),
    option("effort", "thought_level", grouped),
    option("m", "model"),
  ];
  const found = readSettings({ ...bare, modes, models, configOptions });
  assert.deepEqual(
    found.map(({ kind, id, label }) => [kind, id, label]),
    [
      ["mode", "mode", "Mode"],
      ["model", "model", "Model"],
      ["thoughtLevel", "thoughtLevel", "Thinking"],
      ["option", "own", "Name of own"],
    ],
  );
  // If both exist, the server sets the option.
  assert.equal(found[1]?.current, "x");
  assert.deepEqual(
    found[2]?.choices.map(({ value }) => value),
    ["x", "y"],
  );
  const changes = found.map((setting) => toSessionChange(setting, "v"));
  assert.deepEqual(changes, [{ mode: "v" }, { model: "v" }, { thoughtLevel: "v" }, { config: { own: "v" } }]);
});
