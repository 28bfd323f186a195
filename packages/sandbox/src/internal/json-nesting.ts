/** Maximum nesting of a message, far below the depth that overflows the stack of recursive JSON code. */
export const maxNesting = 500;

/** Whether a JSON text nests arrays and objects deeper than `most` levels. Linear in the text. */
export function isNestedDeeper(text: string, maxLevels: number): boolean {
  // Each level takes two characters; nearly every message is too short.
  if (text.length <= 2 * maxLevels) return false;
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    switch (text.charAt(at)) {
      case '"':
        at = endOfString(text, at);
        break;
      case "[":
      case "{":
        depth += 1;
        if (depth > maxLevels) return true;
        break;
      case "]":
      case "}":
        depth -= 1;
        break;
    }
  }
  return false;
}

/** Index of the quote that ends the string at `start`, or the length of the text if there is none. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charAt(at - 1 - slashes) === "\\") slashes += 1;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}
