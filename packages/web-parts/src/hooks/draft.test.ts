import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Draft } from "./draft.ts";

function storage() {
  const entries = new Map<string, string>();
  return {
    entries,
    getItem: (key: string) => entries.get(key) ?? null,
    setItem: (key: string, value: string) => void entries.set(key, value),
    removeItem: (key: string) => void entries.delete(key),
  };
}

const asText = (kept: unknown) => (typeof kept === "string" ? kept : undefined);

describe("a draft", () => {
  test("a draft survives a reload, and an empty draft leaves nothing in storage", () => {
    const tab = storage();
    const options = { key: "prompt", empty: "", read: asText, storage: tab };
    const draft = new Draft(options);
    let told = 0;
    const end = draft.subscribe(() => (told += 1));
    draft.change(() => "half a");
    draft.change((text) => `${text} sentence`);
    end();
    assert.equal(new Draft(options).value, "half a sentence");
    draft.change(() => "");
    assert.equal(told, 2);
    assert.equal(tab.entries.size, 0);
    assert.equal(new Draft(options).value, "");
  });

  test("a draft is empty when the stored value has another type", () => {
    const tab = storage();
    for (const kept of ["{", "17", "null"]) {
      tab.entries.set("prompt", kept);
      assert.equal(new Draft({ key: "prompt", empty: "", read: asText, storage: tab }).value, "");
    }
  });

  test("a draft lives as long as the page when the storage is full", () => {
    const full = { ...storage(), setItem: () => assert.fail("The quota is exceeded") };
    for (const tab of [undefined, full]) {
      const draft = new Draft({ key: "prompt", empty: "", read: asText, storage: tab });
      draft.change(() => "typed");
      assert.equal(draft.value, "typed");
    }
  });
});
