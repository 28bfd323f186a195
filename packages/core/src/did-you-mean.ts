/** The most typing mistakes in a word that still gets a suggestion. */
const maxMistakes = 2;

/** The candidate closest to `word`; undefined if none is close. */
export function nearestWord(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly candidate: string; readonly distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = mistakes(word, candidate);
    // In a short word, two mistakes would match almost anything.
    if (distance > Math.min(maxMistakes, Math.floor(candidate.length / 2))) continue;
    if (best === undefined || distance < best.distance) best = { candidate, distance };
  }
  return best?.candidate;
}

/** Returns " Did you mean X?", or an empty string. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const meant = nearestWord(word, candidates);
  return meant === undefined ? "" : ` Did you mean ${meant}?`;
}

/** Edit distance: insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
function mistakes(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let least = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) least = Math.min(least, (before[column - 2] ?? 0) + 1);
      current.push(least);
    }
    before = above;
    above = current;
  }
  return above[to.length] ?? 0;
}
