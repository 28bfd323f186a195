import assert from "node:assert/strict";
import { test } from "node:test";
import { KnownSecrets } from "../../vault/redaction/known-secrets.ts";
import { pluginLimits } from "../plugin-limits.ts";
import { OutputTail } from "./output-tail.ts";

const most = pluginLimits.maxPrintedBytes;

/** What is kept of `text`, which arrives in pieces. */
function kept(text: string, pieceBytes: number, ...secrets: string[]): string {
  const known = new KnownSecrets();
  for (const secret of secrets) known.add(secret);
  const tail = new OutputTail(known.scanner());
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length; at += pieceBytes) tail.push(bytes.subarray(at, at + pieceBytes));
  return tail.end();
}

test("the last that is printed is kept, wherever the pieces end", () => {
  for (const pieceBytes of [1, 7, 10_000]) {
    assert.equal(kept("grüß dich", pieceBytes), "grüß dich");
    assert.equal(kept(`${"a".repeat(most)}${"b".repeat(most - 1)}`, pieceBytes), `a${"b".repeat(most - 1)}`);
    assert.equal(
      kept("the key is canary-of-a-plugin", pieceBytes, "canary-of-a-plugin"),
      "the key is [redacted]",
    );
  }
});

test("a secret is taken out before the beginning is cut off, also one that is longer than what is kept", () => {
  const secret = `begin-${"0123456789abcdef".repeat(most / 8)}-end`;
  for (const pieceBytes of [1_000, most, 4 * most])
    assert.equal(kept(`${secret}\nand on`, pieceBytes, secret), "[redacted]\nand on");
});

test("credentials that are renewed are known from then on", () => {
  const known = new KnownSecrets();
  const tail = new OutputTail(known.scanner());
  tail.push(Buffer.from("before "));
  known.add("canary-of-a-plugin");
  tail.renew(known.scanner());
  tail.push(Buffer.from("canary-of-a-plugin after"));
  assert.equal(tail.end(), "before [redacted] after");
});
