/** The Studio on several nodes: what its processes share, and how a task moves between them. */
import { createHmac, timingSafeEqual } from "node:crypto";
import { unknownToken, type ValueTokens } from "../backend/value-tokens.ts";
import { studioLimits } from "../limits.ts";

/** Version of the format of tokens, a code for each secret, and the value as JSON. */
const tokenPattern = /^1 ([\w,-]+) /;

/**
 * Passes values to actors that another node may run: a token is the value itself, with a code that only a program that
 * knows the cluster's secret can make. While the secret is being rotated, each node knows one of the codes.
 */
export class SealedValueTokens implements ValueTokens {
  readonly maxBytes = studioLimits.maxNodeMessageBytes / 2;
  readonly #secrets: readonly string[];

  /** `secret` may be several with commas. */
  constructor(secret: string) {
    this.#secrets = secret.split(",").map((each) => each.trim());
  }

  put(value: unknown): string {
    const text = JSON.stringify(value);
    return `1 ${this.#codesOf(text).join(",")} ${text}`;
  }

  take<Value>(token: unknown, is: (value: unknown) => value is Value): Value {
    const value = typeof token === "string" ? this.#open(token) : undefined;
    if (!is(value)) throw unknownToken();
    return value;
  }

  /** Nothing is kept. */
  drop(): void {}

  #open(token: string): unknown {
    const [head, codes = ""] = tokenPattern.exec(token) ?? [];
    if (head === undefined) return undefined;
    const text = token.slice(head.length);
    const given = codes.split(",");
    const isOurs = this.#codesOf(text).some((code) => given.some((each) => isEqual(each, code)));
    return isOurs ? JSON.parse(text) : undefined;
  }

  #codesOf(text: string): readonly string[] {
    return this.#secrets.map((secret) =>
      createHmac("sha256", secret).update("holdfast studio handover 1\n").update(text).digest("base64url"),
    );
  }
}

function isEqual(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
