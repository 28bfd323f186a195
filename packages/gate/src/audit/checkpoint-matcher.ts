import type { AuditCheckpoint, CheckpointVerifier } from "./checkpoint.ts";

/** Compares a log with its signed checkpoints, record by record, while the log is read. */
export class CheckpointMatcher {
  readonly #source: AsyncGenerator<AuditCheckpoint | undefined>;
  readonly #verifier: CheckpointVerifier | undefined;
  readonly #kept: AuditCheckpoint | undefined;
  #isStarted = false;
  #next: AuditCheckpoint | undefined;
  #matched = 0;
  #signedTo: number | undefined;
  #keptMatched = false;

  constructor(
    source: AsyncGenerator<AuditCheckpoint | undefined>,
    verifier: CheckpointVerifier | undefined,
    kept: AuditCheckpoint | undefined,
  ) {
    this.#source = source;
    this.#verifier = verifier;
    this.#kept = kept;
  }

  /** Contradiction between the record `seq` and the checkpoints, if any. */
  async check(seq: number, hash: string, size: number): Promise<string | undefined> {
    const kept = this.#kept;
    if (kept?.seq === seq) {
      const fault = this.#verifier?.fault(kept);
      if (fault !== undefined) return `the kept checkpoint is invalid: ${fault}`;
      if (kept.hash !== hash) return "the kept checkpoint signs another record here";
      this.#keptMatched = true;
    }
    if (this.#verifier === undefined) return undefined;
    const first = !this.#isStarted;
    if (first) {
      const problem = await this.#advance();
      if (problem !== undefined) return problem;
    }
    while (this.#next !== undefined && this.#next.seq === seq) {
      if (this.#next.hash !== hash || (this.#next.size !== size && seq > 0))
        return "a checkpoint signs another record here";
      this.#matched += 1;
      this.#signedTo = seq;
      const problem = await this.#advance();
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  async #advance(): Promise<string | undefined> {
    this.#isStarted = true;
    const before = this.#next;
    const { done, value } = await this.#source.next();
    this.#next = undefined;
    if (done === true) return undefined;
    if (value === undefined) return "a checkpoint is damaged";
    const fault = this.#verifier?.fault(value);
    if (fault !== undefined) return `a checkpoint is invalid: ${fault}`;
    if (before !== undefined && value.seq < before.seq) return "the checkpoints are out of order";
    this.#next = value;
    return undefined;
  }

  /** The first problem after the log ended with `records`: signed records that it does not contain. */
  missingAfter(records: number): string | undefined {
    if (this.#next !== undefined) return `${this.#next.seq - records} signed records are missing at the end`;
    if (this.#kept !== undefined && !this.#keptMatched)
      return `the kept checkpoint signs ${this.#kept.seq} records; the end was cut off`;
    if (this.#verifier !== undefined && this.#matched === 0 && records > 0)
      return "its checkpoints are missing";
    return undefined;
  }

  summary(): { checkpoints?: number; signedTo?: number } {
    if (this.#verifier === undefined) return {};
    return {
      checkpoints: this.#matched,
      ...(this.#signedTo === undefined ? {} : { signedTo: this.#signedTo }),
    };
  }
}
