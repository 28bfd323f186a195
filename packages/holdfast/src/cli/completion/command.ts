import { type Command, type CommandEntry, oneArgument, UsageError } from "@holdfast/cli";
import { completionScripts } from "./scripts.ts";
import { type Candidate, describeUsage, type UsageOption } from "./usage-text.ts";

export const completionUsage = `holdfast complete bash | zsh | fish

Prints a script that completes commands and options of holdfast. Load it when your shell starts:

  bash   echo 'source <(holdfast complete bash)' >> ~/.bashrc
  zsh    echo 'source <(holdfast complete zsh)' >> ~/.zshrc, after compinit
  fish   holdfast complete fish > ~/.config/fish/completions/holdfast.fish`;

/** Commands by name, whether they can be completed without asking the user anything. */
export type Commands = Readonly<Record<string, CommandEntry>>;

/** The last line of an answer: whether the script offers file names. */
const directive = { files: 0, noFiles: 4 } as const;

/** `complete SHELL` prints a script; the script calls `complete -- WORD...` for the candidates of the last word. */
export async function completionCommand(args: readonly string[], commands: Commands): Promise<number> {
  if (args[0] === "--") {
    process.stdout.write(await answer(args.slice(1), commands));
    return 0;
  }
  if (args[0] === "--help" || args[0] === "-h") {
    console.log(completionUsage);
    return 0;
  }
  const name = oneArgument(args, "The shell");
  const shells = Object.entries(completionScripts);
  const [, script] = shells.find(([shell]) => shell === name) ?? [];
  if (script === undefined) {
    throw new UsageError(`"${name}" is not one of ${shells.map(([shell]) => shell).join(", ")}`);
  }
  process.stdout.write(script);
  return 0;
}

async function answer(words: readonly string[], commands: Commands): Promise<string> {
  const { candidates, files } = await candidatesOf(words, commands);
  const lines = candidates.map(({ value, description }) => `${value}\t${description}\n`);
  return `${lines.join("")}:${files ? directive.files : directive.noFiles}\n`;
}

interface Completion {
  readonly candidates: readonly Candidate[];
  /** True where a file name may follow. */
  readonly files: boolean;
}

/** Candidates for the last of `words`, which are those after `holdfast` on the command line. */
async function candidatesOf(words: readonly string[], commands: Commands): Promise<Completion> {
  const current = words.at(-1) ?? "";
  const { command, entries, rest } = await commandOf(words.slice(0, -1), commands);
  if (command === undefined) return { candidates: matching(current, namesOf(entries, rest)), files: false };
  const { verbs, options } = describeUsage(command.usage);
  const awaited = options.find(
    ({ names, value }) => value !== undefined && names.includes(words.at(-2) ?? ""),
  );
  if (awaited !== undefined) return valuesOf(awaited, current);
  if (current.startsWith("-")) {
    return { candidates: matching(current, options.flatMap(candidatesOfOption)), files: false };
  }
  const verbGiven = verbs.length === 0 || rest.some((word) => verbs.some(({ value }) => value === word));
  return verbGiven ? { candidates: [], files: true } : { candidates: matching(current, verbs), files: false };
}

/** Follows the words down to a command; `entries` are the choices where the words name none yet. */
async function commandOf(
  words: readonly string[],
  commands: Commands,
): Promise<{ command?: Command; entries: Commands; rest: readonly string[] }> {
  const [first, second] = words;
  if (first === undefined) return { entries: commands, rest: [] };
  const isPair = second !== undefined && Object.hasOwn(commands, `${first} ${second}`);
  const name = isPair ? `${first} ${second}` : first;
  const rest = words.slice(isPair ? 2 : 1);
  if (!Object.hasOwn(commands, name)) return { entries: commands, rest: words };
  const command = await commands[name]?.load();
  if (command?.subcommands !== undefined) return commandOf(rest, command.subcommands);
  return { ...(command && { command }), entries: {}, rest };
}

/** Names to offer after `words`: the second word of the names that are two. */
function namesOf(entries: Commands, words: readonly string[]): Candidate[] {
  const offered = Object.entries(entries).flatMap(([name, { summary }]) => {
    const parts = name.split(" ");
    if (!words.every((word, at) => parts[at] === word)) return [];
    const value = parts[words.length];
    return value === undefined ? [] : [{ value, description: summary }];
  });
  return [...new Map(offered.map((each) => [each.value, each])).values()];
}

function candidatesOfOption({ names, description }: UsageOption): Candidate[] {
  return names.filter((name) => name.startsWith("--")).map((value) => ({ value, description }));
}

function valuesOf({ choices, value }: UsageOption, current: string): Completion {
  const candidates = choices.map((choice) => ({ value: choice, description: "" }));
  return { candidates: matching(current, candidates), files: /^(FILE|DIR|PATH)$/.test(value ?? "") };
}

function matching(word: string, candidates: readonly Candidate[]): Candidate[] {
  return candidates.filter(({ value }) => value.startsWith(word));
}
