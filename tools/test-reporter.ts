/** Reporter of node:test for `npm test`: a line a file, failures in full, then totals for the runner. */
import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

interface FileState {
  passed: number;
  failed: number;
  skipped: number;
  /** What the file printed, shown only when it fails. */
  output: string;
}

const cwd = process.cwd();
const maxOutputLength = 20_000;

export default async function* report(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const files = new Map<string, FileState>();
  const skips: string[] = [];
  const stateOf = (file: string | undefined): FileState => {
    const path = place(file);
    const state = files.get(path) ?? { passed: 0, failed: 0, skipped: 0, output: "" };
    files.set(path, state);
    return state;
  };
  for await (const event of source) {
    switch (event.type) {
      case "test:pass": {
        const { data } = event;
        if (data.details.type === "suite") break;
        const state = stateOf(data.file);
        if (data.skip !== undefined && data.skip !== false) {
          const reason = typeof data.skip === "string" && data.skip !== "" ? data.skip : "no reason";
          skips.push(`${place(data.file)}: ${data.name} (${reason})`);
          state.skipped++;
        } else {
          state.passed++;
        }
        break;
      }
      case "test:fail": {
        const { data } = event;
        const { error } = data.details;
        // A container whose tests failed is told by its tests.
        if ("failureType" in error && error.failureType === "subtestsFailed") break;
        stateOf(data.file).failed++;
        yield `FAILED ${place(data.file)}:${data.line ?? 0} ${data.name}\n${inspect(error.cause ?? error, { depth: 6 })}\n`;
        break;
      }
      case "test:stdout":
      case "test:stderr": {
        const state = stateOf(event.data.file);
        state.output = (state.output + event.data.message).slice(-maxOutputLength);
        break;
      }
      case "test:summary":
        if (event.data.file !== undefined) {
          yield summaryOf(
            event.data.file,
            stateOf(event.data.file),
            event.data.success,
            event.data.duration_ms,
          );
        }
        break;
      default:
        break;
    }
  }
  let passed = 0;
  let failed = 0;
  for (const state of files.values()) {
    passed += state.passed;
    failed += state.failed;
  }
  for (const skip of skips) yield `#skip ${skip.replaceAll("\n", " ")}\n`;
  yield `#totals ${passed} ${failed}\n`;
}

function summaryOf(file: string, state: FileState, success: boolean, durationMs: number): string {
  const failed = state.failed > 0 || !success;
  const skipped = state.skipped > 0 ? `, ${state.skipped} skipped` : "";
  const counts = `${state.passed} passed, ${state.failed} failed${skipped}, ${(durationMs / 1000).toFixed(1)} s`;
  const output = failed && state.output !== "" ? `--- output of ${place(file)}\n${state.output}\n---\n` : "";
  return `${failed ? "not ok" : "ok"} ${place(file)} (${counts})\n${output}`;
}

function place(file: string | undefined): string {
  return file === undefined ? "?" : relative(cwd, file);
}
