import { checkGuarantees } from "../guarantees.ts";
import type { Guarantee, Jail, JailSpec, SelfTestReport } from "../jail.ts";
import type { TestedDriver } from "./probe-findings.ts";
import type { ProofFile, ProvenDriver } from "./proof-file.ts";
import { runSelfTest } from "./self-test.ts";

/** Where a driver's proof is kept, and what it is about. */
interface KeptProof {
  readonly file: ProofFile;
  readonly driver: ProvenDriver;
}

/** The guarantees of one driver: proven by its self-test, and checked before each start. */
export class ProvenGuarantees {
  readonly #launch: (spec: JailSpec) => Promise<Jail>;
  #guarantees: readonly Guarantee[] = [];

  /** `launch` makes a jail of the driver, whatever was proven. */
  constructor(launch: (spec: JailSpec) => Promise<Jail>) {
    this.#launch = launch;
  }

  /** The findings of the last self-test; empty before the first. */
  get list(): readonly Guarantee[] {
    return this.#guarantees;
  }

  /** Proves each guarantee on this machine, in real jails of `driver`, unless `kept` has the proof of an earlier start. */
  async prove(driver: TestedDriver, kept?: KeptProof): Promise<SelfTestReport> {
    const earlier = kept?.file.read(kept.driver);
    if (earlier !== undefined) {
      this.#guarantees = earlier;
      return { ok: true, guarantees: earlier, durationMs: 0 };
    }
    const report = await runSelfTest(driver, this.#launch);
    this.#guarantees = report.guarantees;
    kept?.file.write(kept.driver, report.guarantees);
    return report;
  }

  /** Throws `jail.missing_guarantee` where `spec` requires what was not proven; then nothing is started. */
  async start(spec: JailSpec): Promise<Jail> {
    checkGuarantees(spec, this.#guarantees);
    return this.#launch(spec);
  }
}
