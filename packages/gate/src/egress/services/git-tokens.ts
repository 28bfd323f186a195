import { type Clock, HoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";

/** What a token lets its bearer do with a repository; "write" includes "read". */
export type GitAccess = "read" | "write";

/** A token that was made for one repository. */
export interface MintedToken {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Whoever makes tokens for the repositories of one host. */
export interface GitTokenMint {
  /** The name that goes with the token over HTTP. */
  readonly username: string;
  mint(repository: string, access: GitAccess, signal: AbortSignal): Promise<MintedToken>;
  revoke(token: MintedToken, signal: AbortSignal): Promise<void>;
}

/** A credential that is made when it is first wanted. */
export interface GitTokenCredential {
  readonly kind: "git-token";
  readonly mint: GitTokenMint;
  /** Below the host's base, without ".git". */
  readonly repository: string;
  readonly access: GitAccess;
}

export interface GitTokensParts {
  readonly jailId: string;
  readonly session: string;
  readonly audit: Audit;
  readonly clock: Clock;
}

export const gitTokenLimits = {
  /** For the host's answer to one request. */
  answerMs: 10_000,
  /** A token that is over sooner is not used any more. */
  leftMs: 60_000,
} as const;

interface Kept {
  readonly mint: GitTokenMint;
  readonly token: Promise<MintedToken>;
  expiresAt: number;
}

/**
 * The tokens of one session: each for one repository, to read or to write, made when it is first wanted,
 * made anew before it is over, and revoked when the session ends. They are on record, their values are not.
 */
export class GitTokens {
  readonly #parts: GitTokensParts;
  readonly #kept = new Map<string, Kept>();
  readonly #all = new Set<{
    readonly mint: GitTokenMint;
    readonly token: MintedToken;
    readonly about: object;
  }>();
  #closed = false;

  constructor(parts: GitTokensParts) {
    this.#parts = parts;
  }

  /** Throws `egress.token_not_minted`, `audit.unavailable`. */
  async present({
    mint,
    repository,
    access,
  }: GitTokenCredential): Promise<{ username: string; value: string }> {
    const key = `${access} ${repository}`;
    let kept = this.#kept.get(key);
    if (
      kept === undefined ||
      kept.mint !== mint ||
      kept.expiresAt - this.#parts.clock.now() < gitTokenLimits.leftMs
    ) {
      const made: Kept = {
        mint,
        token: this.#mint(mint, repository, access),
        expiresAt: Number.POSITIVE_INFINITY,
      };
      this.#kept.set(key, made);
      made.token.then(
        ({ expiresAt }) => {
          made.expiresAt = expiresAt;
        },
        () => {
          // The next request asks again.
          if (this.#kept.get(key) === made) this.#kept.delete(key);
        },
      );
      kept = made;
    }
    const { value } = await kept.token;
    return { username: mint.username, value };
  }

  async #mint(mint: GitTokenMint, repository: string, access: GitAccess): Promise<MintedToken> {
    const { audit, jailId, session } = this.#parts;
    const about = { repository, access };
    await audit.append({ type: "egress.token_minted", jailId, session, data: about });
    let token: MintedToken;
    try {
      token = await mint.mint(repository, access, AbortSignal.timeout(gitTokenLimits.answerMs));
    } catch (error) {
      throw new HoldfastError("egress", "token_not_minted", `The git host gave no token for ${repository}`, {
        statusCode: 502,
        cause: error,
      });
    }
    const entry = { mint, token, about };
    this.#all.add(entry);
    if (this.#closed) {
      await this.#revoke(entry);
      throw new HoldfastError("egress", "token_not_minted", "The session has ended", { statusCode: 503 });
    }
    return token;
  }

  async #revoke(entry: { readonly mint: GitTokenMint; readonly token: MintedToken; readonly about: object }) {
    const { audit, jailId, session, clock } = this.#parts;
    this.#all.delete(entry);
    let revoked = true;
    if (entry.token.expiresAt > clock.now()) {
      try {
        await entry.mint.revoke(entry.token, AbortSignal.timeout(gitTokenLimits.answerMs));
      } catch {
        // It is over by itself soon; that it is not yet is on record.
        revoked = false;
      }
    }
    await audit.note({ type: "egress.token_revoked", jailId, session, data: { ...entry.about, revoked } });
  }

  /** Revokes what was made, and what is being made. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#kept.values()].map(({ token }) => token.catch(() => {})));
    await Promise.all([...this.#all].map((entry) => this.#revoke(entry)));
  }
}
