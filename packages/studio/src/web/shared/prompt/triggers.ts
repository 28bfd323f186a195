/** What is being typed at the caret of a prompt: a slash command, a mention of a file or a task, or lines of a file. */
export type Trigger =
  | { readonly kind: "command"; readonly query: string; readonly from: number; readonly to: number }
  | { readonly kind: "mention"; readonly query: string; readonly from: number; readonly to: number }
  | {
      readonly kind: "lines";
      /** The file, if one is named before the sign. */
      readonly path: string | undefined;
      readonly query: string;
      readonly from: number;
      readonly to: number;
    };

/** `from` and `to` are the part of the text that a choice replaces. */
export function triggerAt(text: string, caret: number): Trigger | undefined {
  const before = text.slice(0, caret);
  const command = /^\/(\S*)$/.exec(before);
  if (command !== null) return { kind: "command", query: command[1] ?? "", from: 0, to: caret };
  const word = /(?:^|[\s(])([@#](?:"[^"\n]*"?)?[^\s"]*)$/.exec(before)?.[1];
  if (word === undefined) return undefined;
  const from = caret - word.length;
  if (word.startsWith("#")) return { kind: "lines", path: undefined, query: word.slice(1), from, to: caret };
  const lines = /^@(?:"([^"]+)"|([^#"]+))#(.*)$/.exec(word);
  if (lines !== null) {
    const [, quoted, plain, query = ""] = lines;
    return { kind: "lines", path: quoted ?? plain, query, from, to: caret };
  }
  return { kind: "mention", query: word.slice(1).replaceAll('"', ""), from, to: caret };
}

/** How a file is named in a prompt. */
export function fileMention(path: string): string {
  return /\s/.test(path) ? `@"${path}"` : `@${path}`;
}

/** `L10-L20` of what a person types: "10", "10-20", "L10-L20". Undefined if it is no range. */
export function lineRange(typed: string): string | undefined {
  const [, first, last] = /^L?(\d{1,7})(?:-L?(\d{1,7}))?$/i.exec(typed) ?? [];
  const start = Number(first);
  if (first === undefined || start < 1) return undefined;
  const end = Number(last ?? first);
  return end > start ? `L${start}-L${end}` : `L${start}`;
}

/** The lines of the new file that a unified diff shows, one range for each hunk. */
export function changedRanges(patch: string): readonly string[] {
  return [...patch.matchAll(/^@@ -\S+ \+(\d+)(?:,(\d+))? @@/gm)].flatMap(([, start, count]) => {
    const first = Number(start);
    const lines = Number(count ?? 1);
    if (lines === 0 || first === 0) return [];
    return [lines === 1 ? `L${first}` : `L${first}-L${first + lines - 1}`];
  });
}
