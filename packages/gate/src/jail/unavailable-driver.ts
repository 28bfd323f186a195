import { HoldfastError } from "@holdfast/core";
import type { Guarantee, Jail, JailDriver, JailDriverName, SelfTestReport } from "./jail.ts";

/**
 * Driver of a machine that cannot make jails, so that the rest of the gate can run and show why: every start is refused
 * with the error that says what to do.
 */
export class UnavailableDriver implements JailDriver {
  readonly name: JailDriverName;
  readonly unsafe = false;
  readonly guarantees: readonly Guarantee[] = [];
  readonly refusal: HoldfastError;

  constructor(name: JailDriverName, refusal: HoldfastError) {
    this.name = name;
    this.refusal = refusal;
  }

  async selfTest(): Promise<SelfTestReport> {
    return { ok: false, guarantees: [], durationMs: 0 };
  }

  async endOrphans(): Promise<number> {
    return 0;
  }

  async close(): Promise<void> {}

  start(): Promise<Jail> {
    const { group, code, message, statusCode, metadata } = this.refusal;
    return Promise.reject(new HoldfastError(group, code, message, { statusCode, metadata }));
  }
}
