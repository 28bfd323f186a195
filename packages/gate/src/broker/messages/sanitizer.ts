import { minAsciiLength, toAscii } from "../../vault/redaction/ascii.ts";
import { type KnownSecrets, redactionMark } from "../../vault/redaction/known-secrets.ts";
import type { Span } from "../../vault/redaction/secret-matcher.ts";
import { type SecretPattern, secretPatterns } from "./secret-patterns.ts";

export interface Sanitized {
  /** JSON. */
  readonly text: string;
  /** Number of redacted parts. */
  readonly redactions: number;
  /** Number of texts that look random. They are reported to the audit log and left in place. */
  readonly flags: number;
}

/** Texts of a value in order; numbers and keys can contain a secret too. */
interface Leaves {
  readonly values: string[];
  readonly keys: string[];
}

const maxEntropyCharacters = 64 * 1024;

/**
 * Redacts secrets from everything that enters a jail: first every value in the vault, in all its encodings, also when
 * it is spread over adjacent texts; then texts that look like secrets.
 */
export class Sanitizer {
  readonly #secrets: KnownSecrets;

  constructor(secrets: KnownSecrets) {
    this.#secrets = secrets;
  }

  /** Redacts the JSON `text`, whose parsed form is `value`. */
  json(text: string, value: unknown): Sanitized {
    const { values: joinedValues, keys: joinedKeys } = joinLeaves(value);
    const flags = countRandom(joinedValues);
    if (!this.#suspects(joinedValues) && !this.#suspects(joinedKeys)) return { text, redactions: 0, flags };
    const leaves: Leaves = { values: [], keys: [] };
    collect(value, leaves);
    const values = this.#cleanAll(leaves.values, joinedValues);
    const keys = this.#cleanAll(leaves.keys, joinedKeys);
    const redactions = values.redactions + keys.redactions;
    if (redactions === 0) return { text, redactions, flags };
    const clean = rebuild(value, { values: values.texts.values(), keys: keys.texts.values() });
    return { text: JSON.stringify(clean), redactions, flags };
  }

  #suspects(joined: string): boolean {
    return this.#secrets.matcher.find(joined).length > 0 || likelyPatterns(joined).length > 0;
  }

  /** Redacts one text. */
  text(text: string): string {
    return this.#cleanAll([text], text).texts[0] ?? "";
  }

  /** Redacts a sequence of texts as they arrive. */
  stream(): (text: string) => string {
    let before = "";
    return (text) => {
      const longest = this.#secrets.matcher.longest;
      const { texts } = this.#cleanAll([before, text], before + text);
      before = (before + text).slice(-Math.max(longest, 1));
      return texts[1] ?? "";
    };
  }

  #cleanAll(texts: readonly string[], joined: string): { texts: readonly string[]; redactions: number } {
    const spans = this.#secrets.matcher.find(joined);
    const known = spans.length === 0 ? texts : cutOut(texts, spans);
    const patterned = cleanPatterns(known, joined);
    return { texts: patterned.texts, redactions: spans.length + patterned.redactions };
  }
}

/** Joins the texts that {@link collect} finds, without creating a list. */
function joinLeaves(value: unknown): { values: string; keys: string } {
  let [values, keys] = ["", ""];
  const walk = (each: unknown): void => {
    if (typeof each === "string") values += each;
    else if (typeof each === "number") values += each;
    else if (Array.isArray(each)) for (const item of each) walk(item);
    else if (typeof each === "object" && each !== null) {
      for (const key in each) {
        keys += key;
        walk((each as Readonly<Record<string, unknown>>)[key]);
      }
    }
  };
  walk(value);
  return { values, keys };
}

function collect(value: unknown, leaves: Leaves): void {
  if (typeof value === "string") leaves.values.push(value);
  else if (typeof value === "number") leaves.values.push(String(value));
  else if (Array.isArray(value)) for (const each of value) collect(each, leaves);
  else if (typeof value === "object" && value !== null) {
    for (const [key, member] of Object.entries(value)) {
      leaves.keys.push(key);
      collect(member, leaves);
    }
  }
}

interface Clean {
  readonly values: Iterator<string>;
  readonly keys: Iterator<string>;
}

/** Traverses like {@link collect}, and replaces each text by the next clean one. */
function rebuild(value: unknown, clean: Clean): unknown {
  if (typeof value === "string") return next(clean.values);
  if (typeof value === "number") {
    const text = next(clean.values);
    return text === String(value) ? value : text;
  }
  if (Array.isArray(value)) return value.map((each) => rebuild(each, clean));
  if (typeof value !== "object" || value === null) return value;
  const members = new Map<string, unknown>();
  for (const member of Object.values(value)) {
    const key = next(clean.keys);
    // Two redacted keys stay two members.
    let name = key;
    for (let n = 2; members.has(name); n++) name = `${key} ${n}`;
    members.set(name, rebuild(member, clean));
  }
  return Object.fromEntries(members);
}

function next(texts: Iterator<string>): string {
  const { value, done } = texts.next();
  if (done === true) throw new Error("a text is missing");
  return value;
}

/** Removes spans of the joined texts from each text, and puts the mark where a span begins. */
function cutOut(texts: readonly string[], spans: readonly Span[]): string[] {
  let [offset, at] = [0, 0];
  return texts.map((text) => {
    const end = offset + text.length;
    let [result, from] = ["", offset];
    while (at < spans.length) {
      const span = spans[at];
      if (span === undefined || span.start >= end) break;
      result += text.slice(from - offset, Math.max(span.start, from) - offset) + redactionMark;
      from = Math.min(span.end, end);
      // A span that continues in the next text is handled there again.
      if (span.end > end) break;
      at += 1;
    }
    result += text.slice(from - offset);
    offset = end;
    return result;
  });
}

/** Trigram codes, five bits per character. */
const trigramCount = 1 << 15;

/** Class of a character: case is ignored, all digits are one class, and other characters of hints are distinct. */
const kindOf = new Uint8Array(128);
for (let letter = 1; letter <= 26; letter++) kindOf[0x40 + letter] = kindOf[0x60 + letter] = letter;
for (let digit = 0x30; digit <= 0x39; digit++) kindOf[digit] = 27;
for (const [at, other] of [..."-_:/"].entries()) kindOf[other.charCodeAt(0)] = 28 + at;

/** Trigram code after one more character. */
function marked(last: number, code: number): number {
  return ((last << 5) | (kindOf[code & 0x7f] ?? 0)) & (trigramCount - 1);
}

interface Hinted {
  readonly pattern: SecretPattern;
  readonly hints: readonly { readonly hint: string; readonly trigrams: readonly number[] }[];
}

const hinted: readonly Hinted[] = secretPatterns.map((pattern) => ({
  pattern,
  hints: pattern.hints.map((hint) => ({ hint, trigrams: [...trigramsOf(hint)] })),
}));

function trigramsOf(text: string): Set<number> {
  const found = new Set<number>();
  let last = 0;
  for (let at = 0; at < text.length; at++) {
    last = marked(last, text.charCodeAt(at));
    if (at >= 2) found.add(last);
  }
  return found;
}

const seenTrigrams = new Uint8Array(trigramCount);

function markTrigrams(text: string): void {
  const seen = seenTrigrams.fill(0);
  const { length } = text;
  const ascii = length < minAsciiLength ? undefined : toAscii(text);
  let last = 0;
  if (ascii === undefined) {
    for (let at = 0; at < length; at++) {
      last = marked(last, text.charCodeAt(at));
      seen[last] = 1;
    }
    return;
  }
  const { bytes } = ascii;
  for (let at = 0; at < length; at++) {
    last = marked(last, bytes[at] ?? 0);
    seen[last] = 1;
  }
}

/**
 * Patterns with a hint that occurs in the text. One pass marks all trigrams of the text; only hints whose trigrams
 * were all seen are searched.
 */
function likelyPatterns(text: string): readonly SecretPattern[] {
  markTrigrams(text);
  let lower: string | undefined;
  let likely: SecretPattern[] | undefined;
  // Plain loops: a closure per hint caused most of the garbage of a small call.
  for (const { pattern, hints } of hinted) {
    for (const { hint, trigrams } of hints) {
      if (!trigrams.every(wasSeen)) continue;
      lower ??= text.toLowerCase();
      if (!lower.includes(hint)) continue;
      likely ??= [];
      likely.push(pattern);
      break;
    }
  }
  return likely ?? none;
}

const none: readonly SecretPattern[] = [];

const wasSeen = (trigram: number) => seenTrigrams[trigram] === 1;

function cleanPatterns(
  texts: readonly string[],
  joined: string,
): { texts: readonly string[]; redactions: number } {
  const likely = likelyPatterns(joined);
  if (likely.length === 0) return { texts, redactions: 0 };
  let redactions = 0;
  const cleaned = texts.map((text) => {
    let result = text;
    for (const { expression } of likely) {
      result = result.replace(expression, (match: string, ...rest: unknown[]) => {
        redactions += 1;
        const groups = rest.at(-1);
        const secret =
          typeof groups === "object" && groups !== null ? Object.values(groups).find(Boolean) : undefined;
        if (typeof secret !== "string") return redactionMark;
        if (secret.startsWith(redactionMark.slice(0, -1))) {
          redactions -= 1;
          return match;
        }
        const at = match.lastIndexOf(secret);
        return match.slice(0, at) + redactionMark + match.slice(at + secret.length);
      });
    }
    return result;
  });
  return { texts: cleaned, redactions };
}

/** Counts the words of 32 or more characters with more than 4.2 bits of entropy per character in the first 64 KiB. */
function countRandom(text: string): number {
  let count = 0;
  for (const [word] of text.slice(0, maxEntropyCharacters).matchAll(/[A-Za-z0-9+/_=-]{32,512}/g)) {
    if (bitsPerCharacter(word) > 4.2) count += 1;
  }
  return count;
}

const timesSeen = new Uint16Array(128);

/** Entropy per character of an ASCII word of at most 512 characters. */
function bitsPerCharacter(word: string): number {
  const counts = timesSeen.fill(0);
  for (let at = 0; at < word.length; at++) {
    const code = word.charCodeAt(at) & 0x7f;
    counts[code] = (counts[code] ?? 0) + 1;
  }
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
}
