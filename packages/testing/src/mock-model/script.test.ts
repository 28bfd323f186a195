import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findScript, scriptPrompt } from "./script.ts";

describe("findScript", () => {
  test("finds a script inside other text", () => {
    const steps = [{ say: "braces }END and {" }, { edit: { path: "a b.txt", content: 'x\n"y"' } }];
    assert.deepEqual(findScript(`please ${scriptPrompt(steps)} thanks`), { steps });
  });

  test("takes the last valid script", () => {
    const text = `${scriptPrompt([{ say: "1" }])} ${scriptPrompt([{ say: "2" }])} SCRIPT{"steps":[}END`;
    assert.deepEqual(findScript(text), { steps: [{ say: "2" }] });
  });

  test("reads a script that was escaped as JSON text again", () => {
    const quoted = JSON.stringify({ transcript: scriptPrompt([{ say: 'a "quoted" word' }]) });
    assert.deepEqual(findScript(quoted), { steps: [{ say: 'a "quoted" word' }] });
  });

  test("finds nothing in other text", () => {
    for (const text of ["", "SCRIPT", "}END", "SCRIPT{}END", 'SCRIPT{"steps":1}END', "SCRIPT{ END"]) {
      assert.equal(findScript(text), undefined, text);
    }
  });
});
