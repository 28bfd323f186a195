import assert from "node:assert/strict";
import { test } from "node:test";
import { SecretMatcher, type Span } from "./secret-matcher.ts";

/** Finds every occurrence of every text naively; touching ones are merged. */
function slowly(texts: readonly string[], text: string): Span[] {
  const spans = texts
    .flatMap((each) => {
      const found: Span[] = [];
      for (let at = text.indexOf(each); at >= 0; at = text.indexOf(each, at + 1))
        found.push({ start: at, end: at + each.length });
      return found;
    })
    .toSorted((a, b) => a.start - b.start);
  const joined: { start: number; end: number }[] = [];
  for (const span of spans) {
    const before = joined.at(-1);
    if (before !== undefined && span.start <= before.end) before.end = Math.max(before.end, span.end);
    else joined.push({ ...span });
  }
  return joined;
}

/** Numbers that are the same in each run. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function textOf(pick: (below: number) => number, length: number, letters: string): string {
  return Array.from({ length }, () => letters[pick(letters.length)]).join("");
}

test("many texts are found anywhere, in short and long texts", () => {
  const pick = numbers(7);
  // Few letters, so that much is alike and little is the same.
  const secrets = Array.from({ length: 300 }, () => textOf(pick, 8 + pick(24), "abcd"));
  const matcher = new SecretMatcher(secrets);
  for (const beside of ["", "ä", "\u{1f511}", "\ud83d", "中"]) {
    for (const length of [0, 7, 8, 9, 100, 255, 256, 257, 1_000, 5_000]) {
      const words = Array.from({ length: 6 }, () => textOf(pick, pick(length / 4 + 1), "abcd"));
      const planted = words.map((word) => word + secrets[pick(secrets.length)]).join(beside);
      for (const text of [planted, words.join(beside), beside + planted + beside]) {
        assert.deepEqual(matcher.find(text), slowly(secrets, text), JSON.stringify(text));
      }
    }
  }
});

test("a text is found at every place of a long one, to the very end", () => {
  const secret = "sk-0123456789";
  const matcher = new SecretMatcher([secret]);
  for (const filler of ["x", "é"]) {
    for (let before = 0; before < 300; before++) {
      const text = filler.repeat(before) + secret + filler.repeat(299 - before);
      assert.deepEqual(matcher.find(text), [{ start: before, end: before + secret.length }]);
    }
  }
  // Bytes of an earlier, longer text remain in the buffer and must not match.
  const cut = `${"x".repeat(400)}${secret.slice(0, -1)}`;
  assert.equal(matcher.find("x".repeat(400) + secret).length, 1);
  assert.deepEqual(matcher.find(cut), []);
});

test("a text longer than the reused buffer is searched completely", () => {
  const secret = "sk-0123456789";
  const matcher = new SecretMatcher([secret]);
  const text = "y".repeat(1024 * 1024 + 1) + secret;
  assert.deepEqual(matcher.find(text), [{ start: text.length - secret.length, end: text.length }]);
  assert.deepEqual(matcher.find("y".repeat(1024 * 1024)), []);
});
