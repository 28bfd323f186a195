import { type HoldfastError, isErrorCode } from "@holdfast/core";
import { checkSelfTest } from "./guarantees.ts";
import type { Guarantee, Jail, JailDriver, JailSpec, SelfTestReport } from "./jail.ts";
import { UnavailableDriver } from "./unavailable-driver.ts";

/**
 * Proves the guarantees of a driver before its first jail instead of at the start of the gate, for a process that may
 * need none. A machine whose jails do not hold gets the same refusals, from the first jail on.
 */
export class LateProofDriver implements JailDriver {
  readonly #driver: JailDriver;
  #proof: Promise<JailDriver> | undefined;
  #refusal: HoldfastError | undefined;

  constructor(driver: JailDriver) {
    this.#driver = driver;
  }

  get name() {
    return this.#driver.name;
  }

  get unsafe(): boolean {
    return this.#driver.unsafe;
  }

  /** Undefined before the proof. */
  get refusal(): HoldfastError | undefined {
    return this.#refusal;
  }

  get guarantees(): readonly Guarantee[] {
    return this.#driver.guarantees;
  }

  async prove(): Promise<void> {
    await this.#proven();
  }

  selfTest(): Promise<SelfTestReport> {
    return this.#driver.selfTest();
  }

  endOrphans(): Promise<number> {
    return this.#driver.endOrphans();
  }

  close(): Promise<void> {
    return this.#driver.close();
  }

  async start(spec: JailSpec): Promise<Jail> {
    return (await this.#proven()).start(spec);
  }

  /** The driver itself, or one that refuses. */
  #proven(): Promise<JailDriver> {
    this.#proof ??= this.#prove();
    return this.#proof;
  }

  async #prove(): Promise<JailDriver> {
    try {
      checkSelfTest((await this.#driver.selfTest()).guarantees);
      return this.#driver;
    } catch (error) {
      if (!isErrorCode(error, "jail", "unavailable")) {
        // The next jail may find that it is over.
        this.#proof = undefined;
        throw error;
      }
      this.#refusal = error;
      return new UnavailableDriver(this.#driver.name, error);
    }
  }
}
