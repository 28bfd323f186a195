import { HoldfastError } from "@holdfast/core";
import type { Guarantee, Jail, JailDriver, JailDriverName, SelfTestReport } from "./jail.ts";

/**
 * Stands where no jail can be made, so that everything else can run and say so: each start is refused
 * with what would mend it. It never starts anything, so it is never weaker than a jail.
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
