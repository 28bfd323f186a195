/**
 * Whether `pattern` matches all of `text`: `*` matches any characters or none, `?` one, and a backslash escapes the
 * next character. The time is at most proportional to the product of both lengths.
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
      // Only the last star has to match one more character.
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

/** Matches exactly, or by prefix if the pattern ends with `*`. */
export function matchesSubject(pattern: string, subject: string): boolean {
  return pattern.endsWith("*") ? subject.startsWith(pattern.slice(0, -1)) : subject === pattern;
}
