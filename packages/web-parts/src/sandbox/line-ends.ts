/**
 * Applies an edit while keeping the line endings of `before`. A text field normalises all of them to line feeds, so a
 * Windows file would change in every line. New lines get the most frequent line ending.
 */
export function restoreLineEndings(before: string, edited: string): string {
  if (!before.includes("\r")) return edited;
  const parts = before.split(/(?<=\r\n|\r(?!\n)|\n)/);
  const lines = parts.map((part) => part.replace(/\r\n?$/, "\n"));
  const dominant = edited.split(/(?<=\n)/);
  const most = Math.min(lines.length, dominant.length);
  let head = 0;
  while (head < most && lines[head] === dominant[head]) head += 1;
  let tail = 0;
  while (tail < most - head && lines.at(-1 - tail) === dominant.at(-1 - tail)) tail += 1;
  const end = commonest(parts);
  const changed = dominant.slice(head, dominant.length - tail).map((line) => line.replace(/\n$/, end));
  return [...parts.slice(0, head), ...changed, ...parts.slice(parts.length - tail)].join("");
}

function commonest(parts: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const part of parts) {
    const [end] = /\r?\n$|\r$/.exec(part) ?? [];
    if (end !== undefined) counts.set(end, (counts.get(end) ?? 0) + 1);
  }
  const [first] = [...counts].toSorted(([, one], [, other]) => other - one);
  return first?.[0] ?? "\n";
}
