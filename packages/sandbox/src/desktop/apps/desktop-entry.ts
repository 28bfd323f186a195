/** What an entry for menus tells about an application with windows. */
export interface DesktopEntry {
  readonly name: string;
  readonly command: readonly string[];
}

const escapes: Readonly<Record<string, string>> = { s: " ", n: "\n", t: "\t", r: "\r", "\\": "\\" };

/**
 * Reads an entry; undefined for one that is hidden, runs in a terminal or is no application. Source: Desktop Entry
 * Specification 1.5.
 */
export function parseEntry(text: string): DesktopEntry | undefined {
  const values = valuesOf(text);
  const isHidden = ["NoDisplay", "Hidden", "Terminal"].some((key) => values.get(key) === "true");
  const name = values.get("Name");
  const command = parseCommand(values.get("Exec") ?? "");
  if (values.get("Type") !== "Application" || isHidden || !name || command === undefined) return undefined;
  return { name, command };
}

/** The keys of the first group, without those of other languages. */
function valuesOf(text: string): ReadonlyMap<string, string> {
  const [, group = ""] = text.split(/^\[Desktop Entry\][ \t]*$/m);
  const [own = ""] = group.split(/^\[/m);
  const pairs = [...own.matchAll(/^([A-Za-z0-9-]+)[ \t]*=[ \t]*(.*?)[ \t\r]*$/gm)];
  return new Map(pairs.map(([, key = "", value = ""]) => [key, withoutEscapes(value)]));
}

function withoutEscapes(value: string): string {
  return value.replaceAll(/\\(.)/g, (whole, letter: string) => escapes[letter] ?? whole);
}

/** The words of a command without the codes for files, of which there are none; undefined for an unclosed quote. */
function parseCommand(line: string): readonly string[] | undefined {
  const words: readonly string[] = line.match(/(?:"(?:\\.|[^"\\])*"|[^\s"])+|"/g) ?? [];
  if (words.includes('"') || words.length === 0) return undefined;
  return words
    .filter((word) => !/^%[a-zA-Z]$/.test(word))
    .map((word) =>
      word.replaceAll(/"((?:\\.|[^"\\])*)"/g, (_, inner: string) => inner.replaceAll(/\\(.)/g, "$1")),
    )
    .map((word) => word.replaceAll("%%", "%"));
}
