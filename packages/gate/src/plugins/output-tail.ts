import type { SecretScanner } from "../vault/redaction/secret-scanner.ts";
import { pluginLimits } from "./plugin-limits.ts";

const nothing = Buffer.alloc(0);

/** The last of what a process prints. Secrets are taken out before it is cut, so that no part of one is left. */
export class OutputTail {
  #scanner: SecretScanner;
  #kept: Buffer = nothing;

  constructor(scanner: SecretScanner) {
    this.#scanner = scanner;
  }

  push(chunk: Buffer): void {
    this.#keep(this.#scanner.push(chunk));
  }

  /** From now on other secrets are known. */
  renew(scanner: SecretScanner): void {
    this.#keep(this.#scanner.flush());
    this.#scanner = scanner;
  }

  /** All of it, once nothing more is printed. */
  end(): string {
    this.#keep(this.#scanner.flush());
    return this.#kept.toString("utf8");
  }

  #keep(clean: Buffer): void {
    // A copy, since what is kept would keep the whole chunk in memory.
    if (clean.length > 0)
      this.#kept = Buffer.from(Buffer.concat([this.#kept, clean]).subarray(-pluginLimits.maxPrintedBytes));
  }
}
