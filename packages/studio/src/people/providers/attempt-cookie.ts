import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { studioLimits } from "../../limits.ts";
import { newSecret, sha256 } from "../hash.ts";
import type { Proof, ProviderId } from "./provider.ts";

/** A sign-in at a provider that a browser has begun. */
export interface SignInAttempt extends Proof {
  readonly provider: ProviderId;
  /** Token of the invitation with which the person joins. */
  readonly invitation: string | null;
  /** The person who connects an account at the provider to theirs. */
  readonly linksTo: string | null;
  readonly expiresAt: number;
}

/**
 * Keeps what a sign-in needs on the way back in a sealed cookie of the browser that has begun it: nothing is stored for
 * somebody who only begins, each tab has its own, and any node reads them all.
 */
export class AttemptCookies {
  readonly #key: Buffer;
  readonly #now: () => number;
  readonly #isSecure: boolean;

  /** `secret` is the same on all nodes. */
  constructor(secret: string, isSecure: boolean, now: () => number) {
    this.#key = Buffer.from(hkdfSync("sha256", secret, "", "holdfast sign-in at providers 1", 32));
    this.#isSecure = isSecure;
    this.#now = now;
  }

  begin(given: Pick<SignInAttempt, "provider" | "invitation" | "linksTo">): {
    readonly attempt: SignInAttempt;
    readonly cookie: string;
  } {
    const expiresAt = this.#now() + studioLimits.providerSignInMs;
    const attempt = {
      ...given,
      state: newSecret(),
      codeVerifier: newSecret(),
      nonce: newSecret(),
      expiresAt,
    };
    const iv = randomBytes(12);
    const cipher = createCipheriv("aes-256-gcm", this.#key, iv);
    const sealed = Buffer.concat([
      iv,
      cipher.update(JSON.stringify(attempt)),
      cipher.final(),
      cipher.getAuthTag(),
    ]);
    return { attempt, cookie: this.#cookie(attempt.state, sealed.toString("base64url"), expiresAt) };
  }

  /** The attempt with this state; undefined if this browser has not begun it, or has ended it, or too long ago. */
  read(cookies: string | undefined, state: string): SignInAttempt | undefined {
    const name = nameOf(state);
    const [, text = ""] =
      cookies
        ?.split(";")
        .map((each) => each.trim().split("=", 2))
        .find(([key]) => key === name) ?? [];
    const sealed = Buffer.from(text, "base64url");
    if (sealed.length < 28) return undefined;
    try {
      const opening = createDecipheriv("aes-256-gcm", this.#key, sealed.subarray(0, 12));
      opening.setAuthTag(sealed.subarray(-16));
      const opened = Buffer.concat([opening.update(sealed.subarray(12, -16)), opening.final()]);
      const attempt = JSON.parse(opened.toString("utf8")) as SignInAttempt;
      return attempt.state === state && attempt.expiresAt > this.#now() ? attempt : undefined;
    } catch {
      // It is not ours: the browser has begun nothing.
      return undefined;
    }
  }

  /** Ends an attempt in its browser. */
  end(state: string): string {
    return this.#cookie(state, "", 0);
  }

  #cookie(state: string, value: string, expiresAt: number): string {
    const maxAge = Math.max(0, Math.floor((expiresAt - this.#now()) / 1_000));
    const secure = this.#isSecure ? "; Secure" : "";
    return `${nameOf(state)}=${value}; Path=/people/providers; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
  }
}

function nameOf(state: string): string {
  return `holdfast-sign-in-${sha256(state).slice(0, 16)}`;
}
