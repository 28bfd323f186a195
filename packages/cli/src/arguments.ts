import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { didYouMean } from "./did-you-mean.ts";

/** The command line is wrong: exit code 2, with the usage of the command. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** Options by name, and what stands beside them. */
export type ParsedArguments<Options extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: Options; allowPositionals: true; strict: true }>
>;

/** Parses strictly: an unknown option is a {@link UsageError}. */
export function parseStrict<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): ParsedArguments<Options> {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new UsageError(reasonOf(error, Object.keys(options)));
  }
}

/** Node's own words, but for an option that does not exist: the one that was meant is worth more than its advice. */
function reasonOf(error: unknown, names: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, unknown, name = ""] = /^(Unknown option '-{1,2}([^']*)')/.exec(message) ?? [];
  if (unknown === undefined) return message;
  return `${unknown}.${didYouMean(
    `--${name}`,
    names.map((each) => `--${each}`),
  )}`;
}

/** Options that every command of `holdfast` understands. */
const commonOptions = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsOptionsConfig;

/** {@link parseStrict} with the options that every command of `holdfast` understands. */
export function parse<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): ParsedArguments<typeof commonOptions & Options> {
  return parseStrict(args, { ...commonOptions, ...options });
}

/** The verb of a command. Throws a {@link UsageError} that names what there is. */
export function verbOf<Verb extends string>(
  command: string,
  verbs: readonly Verb[],
  given: string | undefined,
): Verb {
  const verb = verbs.find((candidate) => candidate === given);
  if (verb !== undefined) return verb;
  if (given !== undefined) {
    throw new UsageError(`There is no "${command} ${given}".${didYouMean(given, verbs)}`);
  }
  // Made on demand: the locale data that it loads stays in memory.
  const either = new Intl.ListFormat("en-GB", { type: "disjunction" });
  throw new UsageError(`${either.format(verbs)} is missing`);
}

/** A TCP port from text. */
export function portOf(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError(`"${text}" is not a port`);
  return port;
}

/** A whole number that is not negative; undefined where there is none. */
export function countOf(text: string | undefined, what: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`"${text}" is not a number for ${what}`);
  return Number(text);
}

/** The one argument of a verb. Throws `UsageError` where there is none, or another. */
export function oneArgument(positionals: readonly string[], what: string): string {
  const [first, ...rest] = positionals;
  if (first === undefined) throw new UsageError(`${what} is missing`);
  noArguments(rest);
  return first;
}

/** Throws `UsageError` for the first argument of a verb that takes none. */
export function noArguments(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`"${positionals[0]}" is one argument too many`);
}

/** The value of an option that a verb cannot do without. Throws `UsageError` where it is absent. */
export function required(value: string | undefined, what: string): string {
  if (value === undefined) throw new UsageError(`${what} is missing`);
  return value;
}
