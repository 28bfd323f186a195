/** Building blocks of the plan: mutants with their checks. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Check } from "./check.ts";
import { type Mutant, withoutGuards, withoutRefusals } from "./mutant.ts";

export interface Planned extends Mutant {
  /** The first that turns red ends the mutant. */
  readonly checks: readonly Check[];
}

const root = new URL("../../", import.meta.url);

/** Where the sources of the gate are, from the root of the repository. */
export const gate = "packages/gate/src/";
export const groups = "packages/studio/src/groups/";

export const test = (name: string, only?: string): Check => ({
  test: `packages/gate/tests/${name}.test.ts`,
  ...(only === undefined ? {} : { only }),
});
export const beside = (name: string): Check => ({ test: `${gate}${name}.test.ts` });
export const attacks = (...ids: string[]): Check => ({ attacks: ids });

export const limits = test("limits");

export function read(file: string): string {
  return readFileSync(fileURLToPath(new URL(file, root)), "utf8");
}

/** Where a file is said in the id of its mutants. */
export function shortName(file: string): string {
  return file.startsWith(gate) ? file.slice(gate.length) : file.slice(file.indexOf("groups/"));
}

type Make = (file: string, text: string) => readonly Mutant[];

/** The mutants that `makes` find in one file. */
export function mutants(checks: readonly Check[], file: string, ...makes: readonly Make[]): Planned[] {
  const text = read(file);
  return makes
    .flatMap((make) => make(file, text))
    .map((mutant) => ({ ...mutant, id: `${shortName(file)}: ${mutant.id}`, checks }));
}

/** Everything that refuses, in each of some files of the gate. */
export function guards(checks: readonly Check[], ...names: readonly string[]): Planned[] {
  return names.flatMap((name) => mutants(checks, `${gate}${name}.ts`, withoutGuards, withoutRefusals));
}
