import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { didYouMean } from "@holdfast/core/did-you-mean";

/** A wrong command line: exit code 2, with the usage of the command. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** The parsed options by name, and the positional arguments. */
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

/** Node's own message; for an unknown option, a suggestion instead of Node's advice. */
function reasonOf(error: unknown, names: readonly string[]): string {
  const message = error instanceof Error ? error.message : String(error);
  const [, unknown, name = ""] = /^(Unknown option '-{1,2}([^']*)')/.exec(message) ?? [];
  if (unknown === undefined) return message;
  return `${unknown}.${didYouMean(
    `--${name}`,
    names.map((each) => `--${each}`),
  )}`;
}

/** Options of every command of `holdfast`. */
const commonOptions = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsOptionsConfig;

/** As {@link parseStrict}, with the options of every command of `holdfast`. */
export function parse<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
): ParsedArguments<typeof commonOptions & Options> {
  return parseStrict(args, { ...commonOptions, ...options });
}

/** Returns the verb of a command. Throws a {@link UsageError} that lists the verbs. */
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
  // Created on demand, because the locale data stays in memory.
  const either = new Intl.ListFormat("en-GB", { type: "disjunction" });
  throw new UsageError(`${either.format(verbs)} is missing`);
}

/** Parses a TCP port. */
export function portOf(text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new UsageError(`"${text}" is not a port`);
  return port;
}

/** Parses a non-negative integer; undefined for undefined. */
export function countOf(text: string | undefined, what: string): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`"${text}" is not a number for ${what}`);
  return Number(text);
}

/** Returns the single argument of a verb. Throws `UsageError` if there is none, or more than one. */
export function oneArgument(positionals: readonly string[], what: string): string {
  const [first, ...rest] = positionals;
  if (first === undefined) throw new UsageError(`${what} is missing`);
  noArguments(rest);
  return first;
}

/** Throws `UsageError` if a verb that takes no arguments got one. */
export function noArguments(positionals: readonly string[]): void {
  if (positionals.length > 0) throw new UsageError(`Unexpected argument "${positionals[0]}"`);
}

/** Returns the value of a required option. Throws `UsageError` if it is missing. */
export function required(value: string | undefined, what: string): string {
  if (value === undefined) throw new UsageError(`${what} is missing`);
  return value;
}
