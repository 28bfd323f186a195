/** What one test file did, from the events of node:test: a line of counts, failures in full, skips with reasons. */
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

const maxOutputLength = 20_000;
const cwd = process.cwd();

/** How the reasons of `embeddedOnly` begin: see packages/testing/src/backends/test-store.ts. */
const embeddedOnlyPrefix = "about one process: ";

/** How the process of a file ended: of a crash, nothing else is known. */
function howItEnded(error: object): string {
  const { exitCode, signal } = error as { readonly exitCode?: unknown; readonly signal?: unknown };
  if (signal !== undefined && signal !== null) return ` (its process ended with ${signal})`;
  return typeof exitCode === "number" ? ` (its process ended with ${exitCode})` : "";
}

export class FileReport {
  /** Of the run: the path of the file, with its store. */
  readonly name: string;
  readonly skips: string[] = [];
  /** Tests that hold for one process only, and are left out where there are more. */
  readonly embeddedOnly: string[] = [];
  passed = 0;
  failed = 0;
  /** A line of each failure, for the end of the run. */
  readonly failures: string[] = [];
  readonly #started = performance.now();
  #failures = "";
  /** What the file printed, shown only when it fails. */
  #output = "";
  #succeeded = true;
  #seconds: number | undefined;

  constructor(name: string) {
    this.name = name;
  }

  take(event: TestEvent): void {
    switch (event.type) {
      case "test:pass": {
        const { data } = event;
        if (data.details.type === "suite") break;
        if (data.skip !== undefined && data.skip !== false) {
          const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : "no reason";
          if (!reason.startsWith(embeddedOnlyPrefix)) {
            this.skips.push(`${this.name}: ${data.name} (${reason})`);
          } else {
            const why = reason.slice(embeddedOnlyPrefix.length);
            this.embeddedOnly.push(`${this.name}: ${data.name} (${why})`);
          }
        } else {
          this.passed++;
        }
        break;
      }
      case "test:fail": {
        const { data } = event;
        const { error } = data.details;
        // A container whose tests failed is told by its tests.
        if ("failureType" in error && error.failureType === "subtestsFailed") break;
        this.failed++;
        const file = data.file === undefined ? this.name : relative(cwd, data.file);
        const where = `${file}:${data.line ?? 0} ${data.name}`;
        const what = `${inspect(error.cause ?? error, { depth: 6 })}${howItEnded(error)}`;
        this.#failures += `FAILED ${where}\n${what}\n`;
        this.failures.push(`${where}: ${what.split("\n", 1)[0]}`);
        break;
      }
      case "test:stdout":
      case "test:stderr":
        this.#output = (this.#output + event.data.message).slice(-maxOutputLength);
        break;
      case "test:summary":
        this.#succeeded &&= event.data.success;
        break;
      default:
        break;
    }
  }

  get ok(): boolean {
    return this.#succeeded && this.failed === 0;
  }

  /** Of the whole file, with the start of a process of its own. */
  get seconds(): number {
    return this.#seconds ?? (performance.now() - this.#started) / 1000;
  }

  end(seconds = this.seconds): void {
    this.#seconds = seconds;
  }

  toString(): string {
    const skipped = this.skips.length > 0 ? `, ${this.skips.length} skipped` : "";
    const counts = `${this.passed} passed, ${this.failed} failed${skipped}, ${this.seconds.toFixed(1)} s`;
    const output =
      !this.ok && this.#output !== "" ? `\n--- output of ${this.name}\n${this.#output}\n---` : "";
    return `${this.#failures}${this.ok ? "ok" : "not ok"} ${this.name} (${counts})${output}`;
  }
}
