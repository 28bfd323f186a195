import type { ParseArgsOptionsConfig } from "node:util";
import { parseStrict, UsageError } from "@holdfast/sandbox/cli/arguments";
import { didYouMean } from "@holdfast/sandbox/cli/nearest";

export { countOf, noArguments, oneArgument, portOf, UsageError } from "@holdfast/sandbox/cli/arguments";

/** Options that every command understands. */
const commonOptions = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsOptionsConfig;

/** Parses strictly: an unknown option is a `UsageError`. */
export function parse<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  return parseStrict(args, { ...commonOptions, ...options });
}

/** The verb of a command. Throws a `UsageError` that names what there is. */
export function verbOf<Verb extends string>(
  command: string,
  verbs: readonly Verb[],
  given: string | undefined,
): Verb {
  const verb = verbs.find((known) => known === given);
  if (verb !== undefined) return verb;
  if (given !== undefined) {
    throw new UsageError(`There is no "${command} ${given}".${didYouMean(given, verbs)}`);
  }
  // Made where it is needed: the tables of the world's languages that it reads stay in memory.
  const either = new Intl.ListFormat("en-GB", { type: "disjunction" });
  throw new UsageError(`${either.format(verbs)} is missing`);
}
