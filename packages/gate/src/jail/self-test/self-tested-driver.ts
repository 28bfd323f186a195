import { checkGuarantees } from "../guarantees.ts";
import type { Guarantee, Jail, JailSpec, SelfTestReport } from "../jail.ts";
import type { Subject } from "./probe-findings.ts";
import { runSelfTest } from "./self-test.ts";

/** What the drivers of real jails do alike: they prove themselves, and start nothing that needs more. */
export abstract class ProvingDriver {
  #guarantees: readonly Guarantee[] = [];

  /** What the last self-test found; nothing before the first. */
  get guarantees(): readonly Guarantee[] {
    return this.#guarantees;
  }

  /** Proves each guarantee on this machine, in jails of this driver. */
  async selfTest(this: this & Subject): Promise<SelfTestReport> {
    const report = await runSelfTest(this, (spec) => this.launch(spec));
    this.#guarantees = report.guarantees;
    return report;
  }

  /** Throws `jail.missing_guarantee` before anything is made where `spec` requires what was not proven. */
  async start(spec: JailSpec): Promise<Jail> {
    checkGuarantees(spec, this.#guarantees);
    return this.launch(spec);
  }

  /** Makes a jail, whatever was proven. */
  protected abstract launch(spec: JailSpec): Promise<Jail>;
}
