/**
 * Reads the verbs and options of a command out of the text that its `--help` prints, so that this text is the one
 * description of a command: a line that is indented begins with a verb (`  list [NAME]   ...`) or an option
 * (`  -p, --port PORT   ...`), and two spaces separate it from its description.
 */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

export interface UsageOption {
  /** As they are typed: `--port`, `-p`. */
  readonly names: readonly string[];
  /** The placeholder of its value; undefined for an option that takes none. */
  readonly value: string | undefined;
  /** The values that it takes, where the text lists them. */
  readonly choices: readonly string[];
  readonly description: string;
}

export interface DescribedUsage {
  readonly verbs: readonly Candidate[];
  readonly options: readonly UsageOption[];
}

const verbName = /^[a-z][a-z-]*$/;

export function describeUsage(usage: string): DescribedUsage {
  const [synopsis = "", ...body] = usage.split("\n");
  const verbs = new Map<string, string>();
  const options = new Map<string, UsageOption>();
  for (const line of body) {
    const [, term, description = ""] = /^ +(\S.*?)(?: {2,}(.*))?$/.exec(line) ?? [];
    if (term === undefined) continue;
    if (term.startsWith("-")) addOption(options, term, description);
    else if (/^ {2}\S/.test(line)) {
      // Without a second column it is a sentence, unless it lists verbs: "show ID | stop ID".
      if (description === "" && !term.includes(" | ")) continue;
      for (const alternative of term.split(" | ")) {
        const [verb = ""] = alternative.split(" ");
        if (verbName.test(verb) && !verbs.has(verb)) verbs.set(verb, description);
      }
    }
    for (const [mention] of line.matchAll(/--[a-z][a-z-]*(?: [A-Z][A-Z|]*\b| [a-z]+\|[a-z|]+)?/g)) {
      addOption(options, mention, "");
    }
  }
  for (const [mention] of synopsis.matchAll(/--[a-z][a-z-]*(?: [A-Z][A-Z.]*\b)?/g))
    addOption(options, mention, "");
  return {
    verbs: [...verbs].map(([value, description]) => ({ value, description })),
    options: [...options.values(), help],
  };
}

const help: UsageOption = {
  names: ["--help", "-h"],
  value: undefined,
  choices: [],
  description: "print what the command does",
};

/** The first mention that says more wins: a line of its own comes with a description. */
function addOption(options: Map<string, UsageOption>, term: string, description: string): void {
  const names = term.match(/(?<![\w-])--?[a-zA-Z][a-z-]*/g) ?? [];
  const long = names.find((name) => name.startsWith("--"));
  if (long === undefined || long === "--help") return;
  const [, value] = /--[a-z][a-z-]* ([A-Z][A-Za-z]*|[a-z]+\|[a-z|]+)/.exec(term) ?? [];
  const before = options.get(long);
  if (before !== undefined && (before.description !== "" || description === "")) return;
  const listed = value?.includes("|") ? value.split("|") : choicesIn(description);
  options.set(long, { names, value, choices: value === undefined ? [] : listed, description });
}

/** "ask (default), allow or deny" and "json or csv" list choices; a sentence does not. */
function choicesIn(description: string): readonly string[] {
  const [list = ""] = description.split(/[:.]/);
  const words = list.replace(/\((?:default[^)]*)\)/g, "").split(/,| or /);
  const choices = words.map((word) => word.trim());
  return choices.length > 1 && choices.every((word) => verbName.test(word)) ? choices : [];
}
