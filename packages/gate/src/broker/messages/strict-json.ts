/** Why a text was refused. */
export class StrictJsonError extends Error {}

const quote = 0x22;
const backslash = 0x5c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const colon = 0x3a;

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Parses JSON (RFC 8259) with a single interpretation: like {@link parseUnambiguousJson}, and without `__proto__`,
 * objects under `constructor` or `prototype`, numbers that overflow, and unpaired surrogates. Throws {@link
 * StrictJsonError}.
 */
export function parseStrictJson(bytes: Uint8Array, maxDepth: number): unknown {
  const value = parseUnambiguousJson(bytes, maxDepth);
  checkLeaves(value);
  return value;
}

/**
 * Parses JSON in which every parser finds the same members: valid UTF-8 without a byte order mark, no duplicate keys,
 * no trailing text, at most `maxDepth` levels, and at most `maxMembers` keys, objects and arrays. Depth and count are
 * checked before values are created. Throws {@link StrictJsonError}.
 */
export function parseUnambiguousJson(
  bytes: Uint8Array,
  maxDepth: number,
  maxMembers = Number.POSITIVE_INFINITY,
): unknown {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    throw new StrictJsonError("it is not valid UTF-8");
  }
  scan(text, maxDepth, maxMembers);
  try {
    return JSON.parse(text);
  } catch {
    throw new StrictJsonError("it is not JSON");
  }
}

/**
 * Finds the string under `name` in the outermost object, so that a refused message can be answered. Creates nothing
 * else, however deep the text is. Undefined if it is duplicated, not a string, or ambiguous.
 */
export function textMember(bytes: Uint8Array, name: string): string | undefined {
  try {
    return findText(decoder.decode(bytes), name);
  } catch {
    // Invalid UTF-8, or an unterminated or invalid string.
    return undefined;
  }
}

function findText(text: string, name: string): string | undefined {
  const start = afterSpace(text, 0);
  if (text.charCodeAt(start) !== openBrace) return undefined;
  let found: string | undefined;
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case openBrace:
      case openBracket:
        depth += 1;
        break;
      case closeBrace:
      case closeBracket:
        depth -= 1;
        if (depth === 0) return found;
        break;
      case quote: {
        const end = endOfString(text, at);
        const mark = afterSpace(text, end + 1);
        if (depth === 1 && text.charCodeAt(mark) === colon && stringAt(text, at, end) === name) {
          const from = afterSpace(text, mark + 1);
          if (found !== undefined || text.charCodeAt(from) !== quote) return undefined;
          found = stringAt(text, from, endOfString(text, from));
        }
        at = end;
        break;
      }
      default:
    }
  }
  return found;
}

function stringAt(text: string, start: number, end: number): string {
  return String(JSON.parse(text.slice(start, end + 1)));
}

/** One pass over the text that tracks the keys of every open object. Does not check that the text is valid JSON. */
function scan(text: string, maxDepth: number, maxMembers: number): void {
  // Null stands for an array.
  const open: (Set<string> | null)[] = [];
  let members = 0;
  const count = () => {
    members += 1;
    if (members > maxMembers) throw new StrictJsonError(`it has more than ${maxMembers} keys and values`);
  };
  const enter = (keys: Set<string> | null) => {
    count();
    open.push(keys);
    if (open.length > maxDepth) throw new StrictJsonError(`it is nested more than ${maxDepth} deep`);
  };
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case openBrace:
        enter(new Set());
        break;
      case openBracket:
        enter(null);
        break;
      case closeBrace:
      case closeBracket:
        open.pop();
        break;
      case quote: {
        const end = endOfString(text, at);
        const keys = open.at(-1);
        if (keys && text.charCodeAt(afterSpace(text, end + 1)) === colon) {
          count();
          takeKey(keys, text.slice(at, end + 1));
        }
        at = end;
        break;
      }
      default:
    }
  }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    if (code === backslash) at += 1;
  }
  throw new StrictJsonError("it is not JSON");
}

function afterSpace(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
  }
  return at;
}

function takeKey(keys: Set<string>, literal: string): void {
  let key = literal.slice(1, -1);
  if (key.includes("\\")) {
    try {
      key = JSON.parse(literal) as string;
    } catch {
      throw new StrictJsonError("it is not JSON");
    }
  }
  if (keys.has(key)) throw new StrictJsonError("it has a duplicate key");
  keys.add(key);
}

function checkLeaves(value: unknown): void {
  if (typeof value === "string") {
    if (!value.isWellFormed()) throw new StrictJsonError("a string contains an unpaired surrogate");
  } else if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new StrictJsonError("a number is too large");
  } else if (Array.isArray(value)) {
    for (const each of value) checkLeaves(each);
  } else if (value !== null && typeof value === "object") {
    for (const [key, member] of Object.entries(value)) {
      if (!key.isWellFormed()) throw new StrictJsonError("a key contains an unpaired surrogate");
      if (key === "__proto__") throw new StrictJsonError("a key is __proto__");
      // Code that merges objects recursively would reach a prototype through them.
      if ((key === "constructor" || key === "prototype") && typeof member === "object" && member !== null)
        throw new StrictJsonError(`a key is ${key}`);
      checkLeaves(member);
    }
  }
}
