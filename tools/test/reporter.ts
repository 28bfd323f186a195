/** What one test file did, from the events of node:test: a line of counts, failures in full, skips with reasons. */
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

const maxOutputLength = 20_000;
const cwd = process.cwd();

export class FileReport {
  readonly path: string;
  readonly skips: string[] = [];
  passed = 0;
  failed = 0;
  readonly #started = performance.now();
  #failures = "";
  /** What the file printed, shown only when it fails. */
  #output = "";
  #succeeded = true;

  constructor(path: string) {
    this.path = path;
  }

  take(event: TestEvent): void {
    switch (event.type) {
      case "test:pass": {
        const { data } = event;
        if (data.details.type === "suite") break;
        if (data.skip !== undefined && data.skip !== false) {
          const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : "no reason";
          this.skips.push(`${this.path}: ${data.name} (${reason})`);
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
        const where = data.file === undefined ? this.path : relative(cwd, data.file);
        const what = inspect(error.cause ?? error, { depth: 6 });
        this.#failures += `FAILED ${where}:${data.line ?? 0} ${data.name}\n${what}\n`;
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

  /** Of the whole file, with the start of its process. */
  get seconds(): number {
    return (performance.now() - this.#started) / 1000;
  }

  toString(): string {
    const skipped = this.skips.length > 0 ? `, ${this.skips.length} skipped` : "";
    const counts = `${this.passed} passed, ${this.failed} failed${skipped}, ${this.seconds.toFixed(1)} s`;
    const output =
      !this.ok && this.#output !== "" ? `\n--- output of ${this.path}\n${this.#output}\n---` : "";
    return `${this.#failures}${this.ok ? "ok" : "not ok"} ${this.path} (${counts})${output}`;
  }
}
