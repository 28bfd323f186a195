/** Every attempt of `holdfast doctor --attack`, from inside real jails of the gate that ships. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type AttackReport, runAttacks } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { allAttacks } from "../../packages/holdfast/src/attacks/index.ts";
import { missing } from "./support.ts";

describe("an attack from inside a jail", { skip: missing("bwrap", "perl") }, () => {
  let report: AttackReport;
  before(async () => {
    report = await runAttacks({ attacks: allAttacks, builtInPlugins: pluginsDirectory });
  });

  for (const { id, attempt } of [
    ...allAttacks,
    { id: "secrets.canaries", attempt: "find a planted secret" },
  ]) {
    test(`${id}: ${attempt}`, (t) => {
      const result = report.results.find((each) => each.id === id);
      assert.ok(result);
      if (result.outcome === "declared") {
        // A kernel may have no Landlock; what only limits are missing for, root can set.
        if (!result.observed.startsWith("access.landlocked:")) {
          assert.notEqual(process.getuid?.(), 0, result.observed);
        }
        t.skip(`declared: ${result.observed}`);
        return;
      }
      assert.equal(result.outcome, "stopped", result.observed);
      assert.notEqual(result.control?.worked, false, `the control: ${result.control?.observed}`);
    });
  }

  after(() => {
    assert.equal(new Set(report.results.map((each) => each.id)).size, report.results.length);
  });
});
