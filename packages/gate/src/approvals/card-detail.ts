import { cutForDisplay, escapeForDisplay, escapeStart } from "./display-text.ts";

/** Characters reserved for the truncation mark and the separator of two arguments. */
const markCharacters = 54;
/** With less room per argument, the text is truncated as a whole: shorter beginnings would be useless. */
const leastCharacters = 80;

/**
 * Formats the arguments of a call for a card, as JSON in plain text. When the text is too long, each argument is
 * truncated separately: the agent chooses their order, and a long first argument must not hide, say, the recipient.
 */
export function detailForCard(args: unknown, maxCharacters: number): { text: string; truncated: boolean } {
  const whole = escapeForDisplay(jsonText(args, 8 * maxCharacters), maxCharacters);
  if (!whole.truncated || typeof args !== "object" || args === null || Array.isArray(args)) return whole;
  const members = Object.entries(args).flatMap(([name, value]) => {
    const text = jsonText(value, maxCharacters).replaceAll("\n", "\n  ");
    return text === "" ? [] : [escapeStart(`${JSON.stringify(name)}: ${text}`, maxCharacters)];
  });
  const room = maxCharacters - members.length * markCharacters;
  if (room < members.length * leastCharacters) return whole;
  const most = fairShare(
    members.map(({ text }) => text.length),
    room,
  );
  const shown = members.map((member) => cutForDisplay(member, most).text);
  return { text: `{\n  ${shown.join(",\n  ")}\n}`, truncated: true };
}

/** Maximum length per argument, so that all fit: long ones share the room that short ones leave. */
function fairShare(lengths: readonly number[], room: number): number {
  let [left, count] = [room, lengths.length];
  for (const length of lengths.toSorted((a, b) => a - b)) {
    if (length * count > left) return Math.floor(left / count);
    left -= length;
    count -= 1;
  }
  return room;
}

/**
 * Formats JSON with one value per line, unless it is far too long: indentation can make deeply nested lists sixty
 * times as long.
 */
function jsonText(value: unknown, mostInLines: number): string {
  const plain = JSON.stringify(value) ?? "";
  return plain === "" || plain.length > mostInLines ? plain : JSON.stringify(value, null, 2);
}
