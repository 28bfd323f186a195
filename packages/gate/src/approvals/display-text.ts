import { markLookalikes } from "./lookalikes.ts";

/** Characters that could disguise displayed text. Line breaks and tabs are allowed in details. */
const hidden = /[^\P{Z} ]|[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Default_Ignorable_Code_Point}\u2800]/gu;

const escapeCharacter = (character: string) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/**
 * Characters examined beyond the displayed part, to complete its last word. Bounded, since an agent chooses the
 * length.
 */
const lookAheadCharacters = 1_024;

/** Beginning of a text, escaped, and the number of characters after it. */
export interface EscapedStart {
  readonly text: string;
  readonly remaining: number;
}

/**
 * Plain text for an approval card. Escapes control, bidirectional, invisible and unassigned characters, unusual spaces
 * and lookalike letters as \\u{...}. The result is longer than `maxCharacters` when the text continues.
 */
export function escapeStart(text: string, maxCharacters: number): EscapedStart {
  const start = text.slice(0, maxCharacters + lookAheadCharacters);
  const escaped = markLookalikes(start, escapeCharacter).replace(hidden, (character) =>
    character === "\n" || character === "\t" ? character : escapeCharacter(character),
  );
  return { text: escaped, remaining: text.length - start.length };
}

/** As {@link escapeStart}, with a note of how much was truncated. */
export function escapeForDisplay(text: string, maxCharacters: number): { text: string; truncated: boolean } {
  return cutForDisplay(escapeStart(text, maxCharacters), maxCharacters);
}

/** Truncates the text and notes how much is missing. */
export function cutForDisplay(
  { text, remaining }: EscapedStart,
  maxCharacters: number,
): { text: string; truncated: boolean } {
  if (text.length <= maxCharacters) return { text, truncated: false };
  const left = text.length - maxCharacters + remaining;
  // Does not split a surrogate pair.
  const kept = text.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "");
  return { text: `${kept}… [${left} more characters are not shown]`, truncated: true };
}
