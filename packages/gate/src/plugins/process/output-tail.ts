import type { SecretScanner } from "../../vault/redaction/secret-scanner.ts";
import { pluginLimits } from "../plugin-limits.ts";

const nothing = Buffer.alloc(0);

/** The last output of a process. Secrets are redacted before it is cut, so that no part of one remains. */
export class OutputTail {
  #scanner: SecretScanner;
  #kept: Buffer = nothing;

  constructor(scanner: SecretScanner) {
    this.#scanner = scanner;
  }

  push(chunk: Buffer): void {
    this.#keep(this.#scanner.push(chunk));
  }

  /** Uses another scanner from now on, since the known secrets changed. */
  renew(scanner: SecretScanner): void {
    this.#keep(this.#scanner.flush());
    this.#scanner = scanner;
  }

  /** Finishes, and returns the tail. Call it when the process prints nothing more. */
  end(): string {
    this.#keep(this.#scanner.flush());
    return this.#kept.toString("utf8");
  }

  #keep(clean: Buffer): void {
    // A copy, since a slice would keep the whole chunk in memory.
    if (clean.length > 0)
      this.#kept = Buffer.from(Buffer.concat([this.#kept, clean]).subarray(-pluginLimits.maxPrintedBytes));
  }
}
