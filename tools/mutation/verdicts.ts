/** What became of each mutant, kept in `.cache`, and the tests that are named for them. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { type Check, nameOf, partOf } from "./check.ts";
import type { Planned } from "./plan.ts";

export interface Verdict {
  readonly id: string;
  /** Of the changed file. */
  readonly digest: string;
  /** The check that turned red, by its name; undefined for a survivor. */
  readonly check?: string;
  /** What turned red in it. */
  readonly red?: string;
  /** The name of the test, or of the attack, that turned red. */
  readonly test?: string;
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

/** Check to run first for a mutant; in a slow file only the recorded test. */
export interface Named {
  readonly check: string;
  readonly test?: string;
}

export function readNamed(): Readonly<Record<string, Named>> {
  return existsSync(namedPath) ? (JSON.parse(readFileSync(namedPath, "utf8")) as Record<string, Named>) : {};
}

// A test alone has to be run without the mutation too: in a short check that is more than it spares.
const longMs = 2_000;

/** Names what caught each mutant for it; mutants that are no more are left out. */
export function saveNamed(mutants: readonly Planned[], verdicts: ReadonlyMap<string, Verdict>): void {
  const before = readNamed();
  const named = mutants.flatMap(({ id, checks }): [string, Named][] => {
    const { check, test, milliseconds } = verdicts.get(id) ?? {};
    const known = before[id];
    const [usual] = checks;
    if (check === undefined || milliseconds === undefined || usual === undefined)
      return known === undefined ? [] : [[id, known]];
    const alone = test !== undefined && (milliseconds > longMs || known?.test === test);
    // The first check of the plan runs completely without a recorded name.
    if (!alone) return check === nameOf(usual) ? [] : [[id, { check }]];
    return [[id, { check, test }]];
  });
  writeFileSync(namedPath, `${JSON.stringify(Object.fromEntries(named.toSorted()), null, 2)}\n`);
}

/** A check of the plan, or a part of one that is tried before. */
export interface Attempt {
  readonly check: Check;
  readonly part?: Check;
}

export function inOrder({ id, checks }: Planned, named: Readonly<Record<string, Named>>): readonly Attempt[] {
  const known = named[id];
  const first = checks.find((check) => nameOf(check) === known?.check);
  const others = checks.filter((check) => check !== first).map((check) => ({ check }));
  if (first === undefined || known === undefined) return others;
  const part = known.test === undefined ? [] : [{ check: first, part: partOf(first, known.test) }];
  return [...part, { check: first }, ...others];
}
