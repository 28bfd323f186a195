import { markLookalikes } from "./lookalikes.ts";

/** Characters that could make shown text look like other text; line breaks and tabs may stay in details. */
const hidden = /[^\P{Z} ]|[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;

const writtenOut = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/**
 * Plain text for an approval card: control, bidirectional, invisible and unassigned characters, blanks but the
 * ordinary one, and letters that pass for others are written out as \\u{...}, and what is cut off is said.
 */
export function escapeForDisplay(text: string, maxCharacters: number): { text: string; truncated: boolean } {
  const escaped = markLookalikes(text, writtenOut).replace(hidden, (character) =>
    character === "\n" || character === "\t" ? character : writtenOut(character),
  );
  return cutForDisplay(escaped, maxCharacters);
}

/** Says what is cut off. */
export function cutForDisplay(text: string, maxCharacters: number): { text: string; truncated: boolean } {
  if (text.length <= maxCharacters) return { text, truncated: false };
  const left = text.length - maxCharacters;
  // A cut between the halves of a character would make an invalid one.
  const kept = text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");
  return { text: `${kept}… [${left} more characters are not shown]`, truncated: true };
}
