import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownSecrets } from "./known-secrets.ts";

function streamed(secrets: KnownSecrets, text: string, cuts: readonly number[]): string {
  const scanner = secrets.scanner();
  const out: Buffer[] = [];
  let from = 0;
  for (const cut of [...cuts, text.length]) {
    out.push(Buffer.from(scanner.push(Buffer.from(text.slice(from, cut)))));
    from = cut;
  }
  out.push(scanner.flush());
  return Buffer.concat(out).toString();
}

test("a secret that begins another one is redacted with it, wherever a chunk ends", () => {
  const secrets = new KnownSecrets();
  secrets.add("abcdefgh");
  secrets.add("abcdefgh12345678");
  for (let cut = 0; cut <= 24; cut++) {
    assert.equal(
      streamed(
        secrets,
        "xx: abcdefgh12345678 .",
        [cut].filter((each) => each < 22),
      ),
      "xx: [redacted] .",
    );
  }
  assert.equal(streamed(secrets, "abcdefgh", []), "[redacted]");
  assert.equal(streamed(secrets, "abcdefgh1234", [8, 10]), "[redacted]1234");
});

test("redacting a stream equals redacting the complete text, wherever chunks end, with overlapping and repeated secrets", () => {
  const secrets = new KnownSecrets();
  for (const value of ["aaaaaaaa", "aaaabaaaa", "abababababab", "babababa", "cabababab"]) secrets.add(value);
  let seed = 7;
  const below = (bound: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (seed >>> 8) % bound;
  };
  for (let round = 0; round < 3_000; round++) {
    const length = 1 + below(60);
    const text = Array.from({ length }, () => "aaabbc"[below(6)]).join("");
    const cuts = [...new Set(Array.from({ length: below(8) }, () => below(length)))].sort((a, b) => a - b);
    assert.equal(streamed(secrets, text, cuts), secrets.redact(text), `${text} cut at ${cuts.join(", ")}`);
  }
});
