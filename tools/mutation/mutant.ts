/** One protection taken out of one file. */
export interface Mutant {
  /** "egress/decisions/upstreams.ts: guard 3: path.includes(...)"; unique and readable. */
  readonly id: string;
  /** Path from the root of the repository. */
  readonly file: string;
  /** The whole changed text of the file. */
  readonly source: string;
}

/** Index just after the bracket that closes the one at `open`. Strings and templates are stepped over. */
function closing(text: string, open: number): number {
  const pairs: Readonly<Record<string, string>> = { "(": ")", "{": "}", "[": "]" };
  const stack: string[] = [];
  for (let at = open; at < text.length; at++) {
    const character = text[at] ?? "";
    if (text.startsWith("//", at) || text.startsWith("/*", at)) {
      // An apostrophe in a comment begins no string.
      const end = text[at + 1] === "/" ? text.indexOf("\n", at) : text.indexOf("*/", at) + 1;
      if (end <= 0) break;
      at = end;
    } else if (character === '"' || character === "'" || character === "`") {
      at = endOfString(text, at);
    } else if (character === "/" && /[(,=!&|?:[]\s*$/.test(text.slice(Math.max(0, at - 8), at))) {
      at = endOfPattern(text, at);
    } else if (character in pairs) {
      stack.push(pairs[character] ?? "");
    } else if (character === stack.at(-1)) {
      stack.pop();
      if (stack.length === 0) return at + 1;
    }
  }
  throw new Error("a bracket is not closed");
}

function endOfString(text: string, start: number): number {
  const quote = text[start];
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === quote) return at;
  }
  return text.length;
}

/** A regular expression: slashes in brackets do not end it. */
function endOfPattern(text: string, start: number): number {
  let inClass = false;
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === "[") inClass = true;
    else if (text[at] === "]") inClass = false;
    else if (text[at] === "/" && !inClass) return at;
  }
  return text.length;
}

const shortened = (text: string) => text.replaceAll(/\s+/g, " ").slice(0, 90);

/** Disables each `if` whose body refuses something (throws, or returns a problem). */
export function withoutGuards(file: string, text: string): Mutant[] {
  const mutants: Mutant[] = [];
  for (const match of text.matchAll(/\bif \(/g)) {
    const open = match.index + 3;
    const end = closing(text, open);
    const condition = text.slice(open + 1, end - 1);
    const body =
      text[end + 1] === "{"
        ? text.slice(end, closing(text, end + 1))
        : text.slice(end, endOfStatement(text, end));
    const refuses =
      /^\s*\{?[^;{]*(?:throw\b|return (?:"|`|false\b|this\.#(?:refuse|deny)|refus|reject|deny|fail))/.test(
        body,
      ) || /\bthrow\b/.test(body);
    if (!refuses) continue;
    mutants.push({
      id: `guard ${mutants.length + 1}: if (${shortened(condition)})`,
      file,
      source: `${text.slice(0, open + 1)}false && (${condition})${text.slice(end - 1)}`,
    });
  }
  return mutants;
}

function endOfStatement(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at] ?? "";
    if ("([{".includes(character)) at = closing(text, at) - 1;
    else if (character === '"' || character === "`") at = endOfString(text, at);
    else if (character === ";") return at + 1;
  }
  return text.length;
}

/** Removes each string of the named list. */
export function withoutEntries(file: string, text: string, name: string): Mutant[] {
  const start = text.indexOf(`const ${name}`);
  if (start < 0) throw new Error(`${file} has no ${name}`);
  const open = text.indexOf("[", text.indexOf("=", start));
  const end = closing(text, open);
  return [...text.slice(open, end).matchAll(/"([^"]+)",?/g)].map((entry) => ({
    id: `${name}: ${entry[1]}`,
    file,
    source: text.slice(0, open + entry.index) + text.slice(open + entry.index + entry[0].length),
  }));
}

/** Removes each regular expression of the named list, one per line. */
export function withoutPatterns(file: string, text: string, name: string): Mutant[] {
  const start = text.indexOf(`const ${name}`);
  if (start < 0) throw new Error(`${file} has no ${name}`);
  const end = text.indexOf("\n];", start);
  return [...text.slice(start, end).matchAll(/^ {2}\/(.+)\/,$/gm)].map((entry) => ({
    id: `${name}: ${entry[1]}`,
    file,
    source: text.slice(0, start + entry.index) + text.slice(start + entry.index + entry[0].length),
  }));
}

/** Each `key: number` of the named object is as large as a timer can take. */
export function withoutLimits(file: string, text: string, name: string): Mutant[] {
  const start = text.indexOf(`const ${name}`);
  if (start < 0) throw new Error(`${file} has no ${name}`);
  const open = text.indexOf("{", text.indexOf("=", start));
  const end = closing(text, open);
  return [...text.slice(open, end).matchAll(/^ {2}(\w+): ([^,\n]+),$/gm)].map((entry) => ({
    id: `${name}.${entry[1]} (${entry[2]})`,
    file,
    source: `${text.slice(0, open + entry.index)}  ${entry[1]}: ${/^min/.test(entry[1] ?? "") ? 0 : 2 ** 31 - 1},${text.slice(open + entry.index + entry[0].length)}`,
  }));
}

/** Removes each row `name: [...]` of the named table. */
export function withoutRows(file: string, text: string, name: string): Mutant[] {
  const start = text.indexOf(`const ${name}`);
  const open = text.indexOf("{", text.indexOf("=", start));
  const end = closing(text, open);
  return [...text.slice(open, end).matchAll(/^ {2}(\w+): \[.*\],\n/gm)].map((entry) => ({
    id: `${name}: ${entry[1]}`,
    file,
    source: text.slice(0, open + entry.index) + text.slice(open + entry.index + entry[0].length),
  }));
}

/** Each `if (fine) return ...;` right before a `throw` returns whatever it was asked. */
export function withoutRefusals(file: string, text: string): Mutant[] {
  const mutants: Mutant[] = [];
  for (const match of text.matchAll(/\bif \(/g)) {
    const open = match.index + 3;
    const end = closing(text, open);
    if (!/^ return\b/.test(text.slice(end, end + 8))) continue;
    const after = text.slice(endOfStatement(text, end));
    if (!/^(?:\s*const [^;]*;|\s*\/\/[^\n]*)*\s*throw\b/.test(after)) continue;
    const condition = text.slice(open + 1, end - 1);
    mutants.push({
      id: `refusal ${mutants.length + 1}: unless (${shortened(condition)})`,
      file,
      source: `${text.slice(0, open + 1)}true || (${condition})${text.slice(end - 1)}`,
    });
  }
  return mutants;
}

/** An edit of a file: the protection that it removes, a text that occurs once, and its replacement. */
export type Edit = readonly [name: string, from: string, to: string];

/** Applies each of the named edits. */
export function withEdits(edits: readonly Edit[]): (file: string, text: string) => Mutant[] {
  return (file, text) =>
    edits.map(([name, from, to]) => {
      const at = text.indexOf(from);
      if (at < 0 || text.includes(from, at + 1)) throw new Error(`${file} has not exactly one ${from}`);
      return { id: `without ${name}`, file, source: text.slice(0, at) + to + text.slice(at + from.length) };
    });
}

/** Removes each `key: value` line of the named object. */
export function withoutMembers(file: string, text: string, name: string): Mutant[] {
  const start = text.indexOf(`const ${name}`);
  if (start < 0) throw new Error(`${file} has no ${name}`);
  const open = text.indexOf("{", text.indexOf("=", start));
  const end = closing(text, open);
  return [...text.slice(open, end).matchAll(/^ {2}(\w+): [^,\n]+,\n/gm)].map((entry) => ({
    id: `${name}.${entry[1]}`,
    file,
    source: text.slice(0, open + entry.index) + text.slice(open + entry.index + entry[0].length),
  }));
}

/** Removes an argument of bwrap with its operands; "*" matches any operand. */
export function withoutArgument(file: string, text: string, key: readonly string[]): Mutant {
  const head = "export function bwrapArguments(";
  if (!text.includes(head)) throw new Error(`${file} has no bwrapArguments`);
  const wrapper = `export function bwrapArguments(plan: BwrapPlan): string[] {
  const args = allArguments(plan);
  const key: string[] = ${JSON.stringify(key)};
  for (let at = 0; at + key.length <= args.length; at++) {
    if (key.every((each, index) => each === "*" || args[at + index] === each)) args.splice(at, key.length);
  }
  return args;
}

function allArguments(`;
  return { id: `argument ${key.join(" ")}`, file, source: text.replace(head, wrapper) };
}

/** Where something is in what describes a jail: keys of objects, and the names of items of lists. */
export type Place = readonly string[];

/** All places of `value` at which something is said. An item of a list is one, unless it has options of its own. */
export function placesOf(value: unknown, at: Place = []): Place[] {
  if (Array.isArray(value) && value.every((each: unknown) => itemName(each) !== "undefined")) {
    return value.flatMap((each: unknown) => {
      const place = [...at, itemName(each)];
      return isMount(each) ? placesOf(each, place) : [place];
    });
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([key, each]) => placesOf(each, [...at, key]));
  return [at];
}

function isMount(item: unknown): boolean {
  return typeof item === "object" && item !== null && ("destination" in item || "Target" in item);
}

function itemName(item: unknown): string {
  if (typeof item !== "object" || item === null) return String(item);
  const { destination, Target, type, Name } = item as Readonly<Record<string, unknown>>;
  return String(destination ?? Target ?? type ?? Name);
}

/** Removes the value at `place` from the result of the named exported function. */
export function withoutPlace(file: string, text: string, name: string, place: Place): Mutant {
  const head = `export function ${name}(`;
  if (!text.includes(head)) throw new Error(`${file} has no ${name}`);
  const wrapper = `export function ${name}(plan) {
  return lacking(describe(plan), ${JSON.stringify(place)});
}

${itemName.toString()}

function lacking(whole, [key, ...rest]) {
  const items = Array.isArray(whole);
  const at = items ? whole.findIndex((each) => itemName(each) === key) : key;
  if (items ? at < 0 : !(at in whole)) return whole;
  if (rest.length > 0) whole[at] = lacking(whole[at], rest);
  else if (items) whole.splice(at, 1);
  else delete whole[at];
  return whole;
}

function describe(`;
  return { id: `without ${place.join(" ")}`, file, source: text.replace(head, () => wrapper) };
}
