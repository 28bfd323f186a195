/** Levels of lists and objects within each other that a message may have: what walks JSON by recursion ends far beyond. */
export const maxNesting = 500;

/** Whether a JSON text has more than `most` levels of lists and objects within each other. Linear in the text. */
export function isNestedDeeper(text: string, most: number): boolean {
  // Each level takes two characters, which nearly every message is too short for.
  if (text.length <= 2 * most) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charAt(at)) {
      case '"':
        at = endOfString(text, at);
        break;
      case "[":
      case "{":
        depth += 1;
        if (depth > most) return true;
        break;
      case "]":
      case "}":
        depth -= 1;
        break;
    }
  }
  return false;
}

/** Where the string ends that begins at `start`; the end of the text where it does not. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charAt(at - 1 - slashes) === "\\") slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}
