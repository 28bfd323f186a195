/** Ready-made upstreams for git hosts, GitHub Apps and npm registries. */
import { type Clock, HoldfastError } from "@holdfast/core";
import type { Audit } from "../../audit/audit.ts";

/** Permission of a token for a repository. "write" includes "read". */
export type GitAccess = "read" | "write";

/** A token that was made for one repository. */
export interface MintedToken {
  readonly value: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Issuer of tokens for the repositories of one git host. */
export interface GitTokenMint {
  /** The name that goes with the token over HTTP. */
  readonly username: string;
  mint(repository: string, access: GitAccess, signal: AbortSignal): Promise<MintedToken>;
  revoke(token: MintedToken, signal: AbortSignal): Promise<void>;
}

/** A credential that is issued on first use. */
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
  /** Timeout of a request to the git host. */
  answerMs: 10_000,
  /** A token that expires sooner is replaced. */
  minRemainingMs: 60_000,
} as const;

interface CachedToken {
  readonly mint: GitTokenMint;
  readonly token: Promise<MintedToken>;
  expiresAt: number;
}

/**
 * Short-lived git tokens of one session, each to read or write one repository: issued on first use, replaced before they
 * expire, and revoked when the session ends. The audit log has their use, never their values.
 */
export class GitTokens {
  readonly #parts: GitTokensParts;
  readonly #cache = new Map<string, CachedToken>();
  readonly #all = new Set<{
    readonly mint: GitTokenMint;
    readonly token: MintedToken;
    readonly about: object;
  }>();
  #closed = false;

  constructor(parts: GitTokensParts) {
    this.#parts = parts;
  }

  /** The user name and token to present for a repository. Throws `egress.token_not_minted`, `audit.unavailable`. */
  async present({
    mint,
    repository,
    access,
  }: GitTokenCredential): Promise<{ username: string; value: string }> {
    const key = `${access} ${repository}`;
    let cached = this.#cache.get(key);
    if (
      cached === undefined ||
      cached.mint !== mint ||
      cached.expiresAt - this.#parts.clock.now() < gitTokenLimits.minRemainingMs
    ) {
      const made: CachedToken = {
        mint,
        token: this.#mint(mint, repository, access),
        expiresAt: Number.POSITIVE_INFINITY,
      };
      this.#cache.set(key, made);
      made.token.then(
        ({ expiresAt }) => {
          made.expiresAt = expiresAt;
        },
        () => {
          // A failure is not cached: the next request tries again.
          if (this.#cache.get(key) === made) this.#cache.delete(key);
        },
      );
      cached = made;
    }
    const { value } = await cached.token;
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
      throw new HoldfastError(
        "egress",
        "token_not_minted",
        `The git host issued no token for ${repository}`,
        {
          statusCode: 502,
          cause: error,
        },
      );
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
        // It expires soon by itself; the audit log says that it was not revoked.
        revoked = false;
      }
    }
    await audit.note({ type: "egress.token_revoked", jailId, session, data: { ...entry.about, revoked } });
  }

  /** Revokes all tokens, also those that are still being issued. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#cache.values()].map(({ token }) => token.catch(() => {})));
    await Promise.all([...this.#all].map((entry) => this.#revoke(entry)));
  }
}
