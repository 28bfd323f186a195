import type { ParseArgsOptionsConfig } from "node:util";
import { parseStrict } from "@holdfast/sandbox/cli/arguments";

export { noArguments, oneArgument, portOf, UsageError } from "@holdfast/sandbox/cli/arguments";

/** Options that every command understands. */
export const commonOptions = {
  data: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const satisfies ParseArgsOptionsConfig;

/** Parses strictly: an unknown option is a `UsageError`. */
export function parse<Options extends ParseArgsOptionsConfig>(args: readonly string[], options: Options) {
  return parseStrict(args, { ...commonOptions, ...options });
}
