import { markLookalikes } from "./lookalikes.ts";

/** Characters that could make shown text look like other text; line breaks and tabs may stay in details. */
const hidden = /[^\P{Z} ]|[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;

const writtenOut = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Looked at beyond what is shown, for the word at its end; an agent chooses how much more there is. */
const beyond = 1_024;

/** The beginning of a text, escaped, and how many characters come after it. */
export interface Shown {
  readonly text: string;
  readonly after: number;
}

/**
 * Plain text for an approval card: control, bidirectional, invisible and unassigned characters, blanks but the
 * ordinary one, and letters that pass for others are written out as \\u{...}. It is longer than `maxCharacters` where
 * anything comes after it.
 */
export function escapeStart(text: string, maxCharacters: number): Shown {
  const start = text.slice(0, maxCharacters + beyond);
  const escaped = markLookalikes(start, writtenOut).replace(hidden, (character) =>
    character === "\n" || character === "\t" ? character : writtenOut(character),
  );
  return { text: escaped, after: text.length - start.length };
}

/** The same, and what is cut off is said. */
export function escapeForDisplay(text: string, maxCharacters: number): { text: string; truncated: boolean } {
  return cutForDisplay(escapeStart(text, maxCharacters), maxCharacters);
}

/** Says what is cut off. */
export function cutForDisplay(
  { text, after }: Shown,
  maxCharacters: number,
): { text: string; truncated: boolean } {
  if (text.length <= maxCharacters) return { text, truncated: false };
  const left = text.length - maxCharacters + after;
  // A cut between the halves of a character would make an invalid one.
  const kept = text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");
  return { text: `${kept}… [${left} more characters are not shown]`, truncated: true };
}
