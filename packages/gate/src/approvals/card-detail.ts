import { cutForDisplay, escapeForDisplay, escapeStart } from "./display-text.ts";

/** Room that is left for the mark of a cut, and for what stands between two arguments. */
const markCharacters = 54;
/** Where each argument would have less, the beginnings of all of them would tell nobody anything. */
const leastCharacters = 80;

/**
 * The arguments of a call as a card shows them: JSON, as plain text. Where all of it is too long, each argument
 * is cut by itself: an agent chooses their order, and a long one in front must not hide who would get it.
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

/** The most that each may have, so that all have room: what the short ones leave is for the long. */
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
 * With a line for each value, unless there is far too much of it: the blanks before lines make lists sixty times as
 * long, which an agent may nest as it likes.
 */
function jsonText(value: unknown, mostInLines: number): string {
  const plain = JSON.stringify(value) ?? "";
  return plain === "" || plain.length > mostInLines ? plain : JSON.stringify(value, null, 2);
}
