/** Characters that could make shown text look like other text; line breaks and tabs may stay in details. */
const hidden = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\u2028\u2029\u00a0\u115f\u1160\u3164\uffa0]/gu;

/**
 * Plain text for an approval card: control, bidirectional, invisible and unassigned characters are
 * written out as \\u{...}, and what is cut off is said.
 */
export function escapeForDisplay(text: string, maxCharacters: number): { text: string; truncated: boolean } {
  const escaped = text.replace(hidden, (character) => {
    if (character === "\n" || character === "\t") return character;
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
  if (escaped.length <= maxCharacters) return { text: escaped, truncated: false };
  const left = escaped.length - maxCharacters;
  // A cut between the halves of a character would make an invalid one.
  const kept = escaped.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");
  return { text: `${kept}… [${left} more characters are not shown]`, truncated: true };
}
