/**
 * Checks the pages docs/reference/parity*.md (`npm run parity`): every row names an existing test, or one of the accepted reasons
 * for having none. A title in quotation marks behind a test is one of its cases. Prints the number of rows of each kind.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./workspace.ts";

/** Accepted reasons why a feature of the peer is missing. "not yet" is for one that a program could miss. */
export const reasons = [
  "other language",
  "their cloud",
  "their engine",
  "their wire",
  "their fault",
  "not yet",
] as const;

export type Reason = (typeof reasons)[number];

export interface ParityReport {
  /** Number of rows that name tests, by section. */
  readonly tested: ReadonlyMap<string, number>;
  readonly reasoned: ReadonlyMap<Reason, number>;
  /** Problems, each with its line number. */
  readonly problems: readonly string[];
}

/** Parses the page. `read` returns a file below the repository root, undefined if there is none. */
export function checkParity(page: string, read: (path: string) => string | undefined): ParityReport {
  const tested = new Map<string, number>();
  const reasoned = new Map<Reason, number>();
  const problems: string[] = [];
  let section = "";
  page.split("\n").forEach((line, index) => {
    if (line.startsWith("## ")) section = line.slice(3);
    if (!line.startsWith("| ") || /^\| (?:---|Peer feature|Peer defect) /.test(line)) return;
    const complain = (what: string): void => void problems.push(`line ${index + 1}: ${what}`);
    // A vertical bar inside code does not end a cell.
    const cells = line.split(/(?<!\\)\|(?=(?:[^`]*`[^`]*`)*[^`]*$)/).map((cell) => cell.trim());
    const last = cells.at(-2) ?? "";
    if (cells.length !== 5) {
      complain(`a row has three cells, this one has ${cells.length - 2}`);
      return;
    }
    const reason = reasons.find((each) => last.replaceAll("`", "") === each);
    if (reason !== undefined) {
      reasoned.set(reason, (reasoned.get(reason) ?? 0) + 1);
      return;
    }
    const paths = [...last.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? "");
    if (paths.length === 0) {
      complain(`"${last}" is neither a test nor a reason`);
      return;
    }
    for (const path of paths) if (read(path) === undefined) complain(`there is no ${path}`);
    for (const [, path = "", title = ""] of last.matchAll(/`([^`]+)` "([^"]+)"/g))
      if (read(path)?.includes(title) !== true) complain(`${path} has no case "${title}"`);
    tested.set(section, (tested.get(section) ?? 0) + 1);
  });
  return { tested, reasoned, problems };
}

const pages = [
  "docs/reference/parity.md",
  "docs/reference/parity-servers.md",
  "docs/reference/parity-studio.md",
  "docs/reference/sandbox-parity.md",
  "docs/reference/sandbox-parity-clients.md",
];

function readIfThere(path: string): string | undefined {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

/** Report for the pages of this repository together. */
export function parityOfRepository(): ParityReport {
  const tested = new Map<string, number>();
  const reasoned = new Map<Reason, number>();
  const problems: string[] = [];
  for (const page of pages) {
    const report = checkParity(readFileSync(join(root, page), "utf8"), readIfThere);
    for (const [section, count] of report.tested) tested.set(section, (tested.get(section) ?? 0) + count);
    for (const [reason, count] of report.reasoned) reasoned.set(reason, (reasoned.get(reason) ?? 0) + count);
    problems.push(...report.problems.map((problem) => `${page} ${problem}`));
  }
  return { tested, reasoned, problems };
}

function sum(counts: Iterable<number>): number {
  return [...counts].reduce((total, count) => total + count, 0);
}

if (import.meta.main) {
  const { tested, reasoned, problems } = parityOfRepository();
  for (const [section, count] of tested) console.log(`${String(count).padStart(4)}  ${section}`);
  for (const [reason, count] of reasoned)
    console.log(`${String(count).padStart(4)}  without a test: ${reason}`);
  console.log(`${sum(tested.values())} rows with tests, ${sum(reasoned.values())} with reasons`);
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exitCode = 1;
}
