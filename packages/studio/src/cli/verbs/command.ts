import { type Command, harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { usageOf, type VerbsDescription, verbsWith } from "./usage.ts";
import type { VerbOption, Verbs } from "./verb.ts";

/** The command of a noun, from the table of its verbs. */
export function commandOfVerbs(description: VerbsDescription): Command {
  const { name, verbs, default: standard } = description;
  const usage = usageOf(description);
  const options = Object.fromEntries(
    Object.values(verbs).flatMap(({ options: own = {} }) =>
      Object.entries<VerbOption>(own).map(([option, { type }]) => [option, { type }] as const),
    ),
  );
  const run = async (given: readonly string[]): Promise<number> => {
    const { values, positionals } = parse(given, { ...organizationOption, ...options });
    if (values.help === true) {
      console.log(usage);
      return 0;
    }
    const [word = standard, ...args] = positionals;
    const chosen = verbOf(name, Object.keys(verbs), word);
    const verb = verbs[chosen];
    if (verb === undefined) return 2;
    const { data, organization, json, help: _help, ...own } = values;
    checkOptions(chosen, verbs, Object.keys(own));
    checkArguments(args, verb.arguments ?? "", `holdfast ${name} ${chosen}`);
    verb.check?.(args, own);
    const runTasks = verb.runTasks?.(args) ?? false;
    return withOwnerAccess({ data, organization, runTasks }, async ({ client, isPersistent }) => {
      const print = (value: unknown, text: string) => console.log(json === true ? jsonLine(value) : text);
      const code = await verb.run({
        ...{ args, values: own, json: json === true, data, client, isPersistent, print },
      });
      return code ?? 0;
    });
  };
  return { usage, run };
}

/** Throws a `UsageError` for an option that the verb does not take. */
function checkOptions(chosen: string, verbs: Verbs, given: readonly string[]): void {
  for (const option of given) {
    const users = verbsWith(option, verbs);
    if (!users.includes(chosen)) throw new UsageError(`--${option} is only for ${users.join(", ")}`);
  }
}

/** Throws a `UsageError` if the arguments do not fit their names: "TASK TEXT", "ID...", "[HOURS]". */
function checkArguments(args: readonly string[], names: string, command: string): void {
  const expected = names.split(" ").filter((each) => each !== "");
  const needed = expected.filter((each) => !each.startsWith("["));
  const missing = needed[args.length];
  if (missing !== undefined)
    throw new UsageError(`${missing.replace("...", "")} is missing: ${harmless(`${command} ${names}`)}`);
  if (!expected.some((each) => each.includes("..."))) noArguments(args.slice(expected.length));
}
