import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type Attack, type AttackReport, type RunAttacksOptions, runAttacks } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { allAttacks } from "../../packages/studio/src/attacks/index.ts";

export interface AttackedDriver {
  readonly name: NonNullable<NonNullable<RunAttacksOptions["jails"]>["driver"]>;
  /** Why it cannot be tried here, or false. */
  readonly skip: string | false;
  /** Its engine, where it has one; called once. */
  readonly engineSocket?: () => Promise<string>;
  /** Rows that the driver says it does not stop on any machine. */
  readonly declared?: readonly string[];
  /** Guarantees that a machine may lack: rows that need one are declared there and reported as skipped. */
  readonly mayLack?: readonly string[];
}

/** Attempts on the web server and the file API of the host, in which no jail has a part. */
function isOutside({ id, group }: Attack): boolean {
  return group === "web" || ["filesystem.archives", "filesystem.file_api"].includes(id);
}

/**
 * Every attempt of `holdfast doctor --attack`, from inside real jails of one driver of the gate that ships. What has
 * no part of a jail in it is tried beside those of bubblewrap alone.
 */
export function attackSuite({ name, skip, engineSocket, declared = [], mayLack = [] }: AttackedDriver): void {
  const attacks = name === "bubblewrap" ? allAttacks : allAttacks.filter((each) => !isOutside(each));
  describe(`an attack from inside a jail of ${name}`, { skip }, () => {
    let report: AttackReport;
    before(async () => {
      const socket = await engineSocket?.();
      report = await runAttacks({
        attacks,
        builtInPlugins: pluginsDirectory,
        jails: { driver: name, ...(socket === undefined ? {} : { engineSocket: socket }) },
      });
    });

    for (const { id, attempt } of [
      ...attacks,
      { id: "secrets.canaries", attempt: "find a planted secret" },
    ]) {
      test(`${id}: ${attempt}`, (t) => {
        const result = report.results.find((each) => each.id === id);
        assert.ok(result);
        if (declared.includes(id)) {
          assert.equal(result.outcome, "declared", result.observed);
          return;
        }
        if (result.outcome === "declared" && mayLack.some((each) => result.observed.startsWith(`${each}:`))) {
          t.skip(`declared: ${result.observed}`);
          return;
        }
        assert.equal(result.outcome, "stopped", result.observed);
        assert.notEqual(result.control?.worked, false, `the control: ${result.control?.observed}`);
      });
    }

    test("each row is reported once", () => {
      assert.equal(new Set(report.results.map((each) => each.id)).size, report.results.length);
    });
  });
}
