import { commonOptions, type Verb, type VerbOption, type Verbs } from "./verb.ts";

export interface VerbsDescription {
  /** The noun: "tasks". */
  readonly name: string;
  readonly verbs: Verbs;
  /** The verb of a call without one. */
  readonly default?: string;
  /** Paragraphs before and after the list of verbs. */
  readonly intro?: string;
  readonly outro?: string;
}

const width = 100;
const labelWidth = 28;

/** The text of `--help`, which shell completion reads too. */
export function usageOf({ name, verbs, default: standard, intro, outro }: VerbsDescription): string {
  const entries = Object.entries(verbs);
  const signatures = entries.map(([verb, each]) => {
    const text = signatureOf(verb, each);
    return verb === standard ? `[${text}]` : text;
  });
  const lines = entries.flatMap(([verb, each]) => [
    ...described(`  ${signatureOf(verb, each)}`, each.description),
    ...ownOptions(verb, verbs).flatMap(([option, text]) =>
      described(`    ${optionLabel(option, text)}`, text.description),
    ),
  ]);
  const shared = [...sharedOptions(verbs), ...Object.entries<VerbOption>(commonOptions)];
  const last = shared.flatMap(([option, text]) =>
    described(`  ${optionLabel(option, text)}`, text.description),
  );
  const paragraphs = [
    wrapped(`holdfast ${name} `, signatures, " | ").join("\n"),
    ...(intro === undefined ? [] : [intro]),
    [...lines, ...last].join("\n"),
    ...(outro === undefined ? [] : [outro]),
  ];
  return paragraphs.join("\n\n");
}

function signatureOf(verb: string, { arguments: names }: Verb): string {
  return names === undefined ? verb : `${verb} ${names}`;
}

function optionLabel(name: string, { value }: VerbOption): string {
  return value === undefined ? `--${name}` : `--${name} ${value}`;
}

/** Options that no other verb has, or that mean something else there. */
function ownOptions(verb: string, verbs: Verbs): readonly [string, VerbOption][] {
  return Object.entries(verbs[verb]?.options ?? {}).filter(([name]) => !isShared(name, verbs));
}

function isShared(option: string, verbs: Verbs): boolean {
  const users = verbsWith(option, verbs);
  const meanings = new Set(users.map((verb) => verbs[verb]?.options?.[option]?.description));
  return users.length > 1 && meanings.size === 1;
}

/** Options that mean the same with more than one verb, with the names of those verbs in their description. */
function sharedOptions(verbs: Verbs): readonly [string, VerbOption][] {
  const found = new Map<string, VerbOption>();
  for (const { options = {} } of Object.values(verbs)) {
    for (const [name, option] of Object.entries(options)) {
      if (!isShared(name, verbs) || found.has(name)) continue;
      const users = verbsWith(name, verbs).join(", ");
      found.set(name, { ...option, description: `${option.description}; with ${users}` });
    }
  }
  return [...found];
}

/** The verbs that take an option. */
export function verbsWith(option: string, verbs: Verbs): readonly string[] {
  return Object.keys(verbs).filter((verb) => Object.hasOwn(verbs[verb]?.options ?? {}, option));
}

/** A label and its description in two columns. */
function described(label: string, description: string): readonly string[] {
  const indent = " ".repeat(labelWidth);
  const lines = wrapped(indent, description.split(" "), " ");
  const [first = "", ...more] = lines;
  if (label.length + 2 > labelWidth) return [`${label}  ${first.trimStart()}`, ...more];
  return [label.padEnd(labelWidth) + first.trimStart(), ...more];
}

/** Joins words into lines of at most `width` characters, which begin with `start`, or with its length in spaces. */
function wrapped(start: string, words: readonly string[], separator: string): readonly string[] {
  const lines: string[] = [];
  let line = start;
  let isEmpty = true;
  for (const word of words) {
    const next = isEmpty ? line + word : `${line}${separator}${word}`;
    if (next.length <= width || isEmpty) {
      line = next;
      isEmpty = false;
      continue;
    }
    lines.push(line);
    line = `${" ".repeat(start.length)}${separator.trimStart()}${word}`;
  }
  return [...lines, line];
}
