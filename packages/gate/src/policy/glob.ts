/**
 * Whether the whole of `text` is as `pattern` says: `*` stands for any characters, also none, `?` for
 * one, a backslash takes the next character as it is. In time that is at most the product of both
 * lengths, whatever they hold.
 */
export function matchesGlob(pattern: string, text: string): boolean {
  const tokens = tokensOf(pattern);
  const characters = [...text];
  let [at, token] = [0, 0];
  let [star, resume] = [-1, 0];
  while (at < characters.length) {
    const wanted = tokens[token];
    if (wanted === anything) {
      star = token;
      resume = at;
      token += 1;
    } else if (wanted === one || (wanted !== undefined && wanted === characters[at])) {
      at += 1;
      token += 1;
    } else if (star >= 0) {
      // The last star takes one more; earlier ones need not.
      resume += 1;
      at = resume;
      token = star + 1;
    } else {
      return false;
    }
  }
  while (tokens[token] === anything) token += 1;
  return token === tokens.length;
}

const anything = Symbol("any characters");
const one = Symbol("one character");

function tokensOf(pattern: string): readonly (string | symbol)[] {
  const tokens: (string | symbol)[] = [];
  const characters = [...pattern];
  for (let at = 0; at < characters.length; at++) {
    const character = characters[at] ?? "";
    if (character === "\\") {
      at += 1;
      tokens.push(characters[at] ?? "\\");
    } else if (character === "*") {
      if (tokens.at(-1) !== anything) tokens.push(anything);
    } else {
      tokens.push(character === "?" ? one : character);
    }
  }
  return tokens;
}

/** Exactly this text, or one that begins with what stands before a `*` at the end. */
export function matchesSubject(pattern: string, subject: string): boolean {
  return pattern.endsWith("*") ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern;
}
