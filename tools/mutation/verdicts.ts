/** What became of each mutant, kept in `.cache`, and the tests that are named for them. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Check, nameOf } from "./check.ts";
import type { Planned } from "./plan.ts";

export interface Verdict {
  readonly id: string;
  /** Of the changed file. */
  readonly digest: string;
  /** The check that turned red, by its name; undefined for a survivor. */
  readonly check?: string;
  /** What turned red in it. */
  readonly red?: string;
  readonly milliseconds: number;
}

const listPath = fileURLToPath(new URL("../../.cache/mutation.jsonl", import.meta.url));
const namedPath = fileURLToPath(new URL("./named-tests.json", import.meta.url));

export function digestOf({ source }: Planned): string {
  return createHash("sha256").update(source).digest("hex").slice(0, 16);
}

/** The verdicts of earlier runs, the newest of each mutant. */
export function readVerdicts(): ReadonlyMap<string, Verdict> {
  if (!existsSync(listPath)) return new Map();
  const lines = readFileSync(listPath, "utf8").split("\n").filter(Boolean);
  return new Map(lines.map((line) => JSON.parse(line) as Verdict).map((each) => [each.id, each]));
}

export function keepVerdict(verdict: Verdict): void {
  mkdirSync(dirname(listPath), { recursive: true });
  appendFileSync(listPath, `${JSON.stringify(verdict)}\n`);
}

/** The check that is named for each mutant: it is tried first, and those of the plan only where it stays green. */
export function readNamed(): Readonly<Record<string, string>> {
  return existsSync(namedPath) ? (JSON.parse(readFileSync(namedPath, "utf8")) as Record<string, string>) : {};
}

/** Names the check that caught each mutant for it; mutants that are no more are left out. */
export function saveNamed(mutants: readonly Planned[], verdicts: ReadonlyMap<string, Verdict>): void {
  const before = readNamed();
  const named = mutants.flatMap(({ id, checks }): [string, string][] => {
    const check = verdicts.get(id)?.check ?? before[id];
    const [usual] = checks;
    // The first of the plan needs no name.
    return check === undefined || usual === undefined || check === nameOf(usual) ? [] : [[id, check]];
  });
  writeFileSync(namedPath, `${JSON.stringify(Object.fromEntries(named.toSorted()), null, 2)}\n`);
}

export function inOrder({ id, checks }: Planned, named: Readonly<Record<string, string>>): readonly Check[] {
  const first = checks.find((check) => nameOf(check) === named[id]);
  return first === undefined ? checks : [first, ...checks.filter((check) => check !== first)];
}
