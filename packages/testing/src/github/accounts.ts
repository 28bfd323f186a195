import {
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  verify,
} from "node:crypto";
import type { ForgeUser } from "../forge-server/repository.ts";

/** Installation of the emulator's App in an account. */
export interface Installation {
  readonly id: number;
  readonly account: string;
  /** Full names in lower case. */
  readonly repositories: Set<string>;
  isSuspended: boolean;
}

/** What a token may do. */
export interface TokenAccess {
  readonly user: ForgeUser;
  readonly installation?: Installation;
  /** Full names in lower case; undefined for all repositories. */
  readonly repositories?: ReadonlySet<string>;
  readonly canWrite: boolean;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Accounts without their tokens, for a later process. */
export interface KeptAccounts {
  readonly privateKey: string;
  readonly users: readonly ForgeUser[];
  readonly installations: readonly {
    readonly id: number;
    readonly account: string;
    readonly repositories: readonly string[];
  }[];
  /** Personal tokens by their text, with the login of each. */
  readonly personalTokens: Readonly<Record<string, string>>;
}

const installationTokenMs = 60 * 60 * 1000;
const codeMs = 10 * 60 * 1000;

/** The App of the emulator, its installations, its users and all tokens. */
export class Accounts {
  readonly appId = 4711;
  readonly clientId = "Iv1.emulator";
  readonly clientSecret = "emulator-client-secret";
  /** PEM, PKCS #1 as GitHub gives it. */
  readonly privateKey: string;
  readonly installations = new Map<number, Installation>();
  readonly tokens = new Map<string, TokenAccess>();
  readonly users = new Map<string, ForgeUser>();
  readonly #publicKey: KeyObject;
  readonly #now: () => number;
  /** Logins of teams by "owner/team". */
  readonly teams = new Map<string, readonly string[]>();
  /** E-mail addresses by login. Others have a verified one that is made of their login. */
  readonly emails = new Map<string, { readonly email: string; readonly verified: boolean }>();
  readonly #codes = new Map<
    string,
    { readonly user: ForgeUser; readonly expiresAt: number; readonly challenge: string | null }
  >();

  constructor(now: () => number, kept?: KeptAccounts) {
    this.#now = now;
    this.privateKey = kept?.privateKey ?? newPrivateKey();
    this.#publicKey = createPublicKey(this.privateKey);
    for (const user of kept?.users ?? []) this.users.set(user.login, user);
    for (const { id, account, repositories } of kept?.installations ?? [])
      this.installations.set(id, { id, account, repositories: new Set(repositories), isSuspended: false });
    for (const [token, login] of Object.entries(kept?.personalTokens ?? {}))
      this.tokens.set(token, { user: this.user(login), canWrite: true, expiresAt: Infinity });
  }

  kept(): KeptAccounts {
    const personal = [...this.tokens].filter(([token]) => token.startsWith("ghp_"));
    return {
      privateKey: this.privateKey,
      users: [...this.users.values()],
      installations: [...this.installations.values()].map(({ id, account, repositories }) => ({
        ...{ id, account, repositories: [...repositories] },
      })),
      personalTokens: Object.fromEntries(personal.map(([token, { user }]) => [token, user.login])),
    };
  }

  user(login: string): ForgeUser {
    const known = this.users.get(login);
    if (known !== undefined) return known;
    const user = { id: 100 + this.users.size, login };
    this.users.set(login, user);
    return user;
  }

  /** Installs the App. Its tokens reach `repositories` only. */
  install(account: string, repositories: readonly string[]): Installation {
    const id = 9_000 + this.installations.size;
    const names = new Set(repositories.map((name) => name.toLowerCase()));
    const installation = { id, account, repositories: names, isSuspended: false };
    this.installations.set(id, installation);
    return installation;
  }

  /** Removes an installation and revokes its tokens. */
  uninstall(id: number): void {
    this.installations.delete(id);
    for (const [token, access] of this.tokens) {
      if (access.installation?.id === id) this.tokens.delete(token);
    }
  }

  /** Personal access token of `login`, for all repositories. */
  personalToken(login: string, options: { readonly canWrite?: boolean } = {}): string {
    const access = { user: this.user(login), canWrite: options.canWrite ?? true, expiresAt: Infinity };
    return this.#issue("ghp_", access);
  }

  installationToken(
    installation: Installation,
    repositories: readonly string[] | undefined,
    canWrite: boolean,
  ): { readonly token: string; readonly access: TokenAccess } {
    const access: TokenAccess = {
      user: { id: this.appId, login: "holdfast-emulator[bot]" },
      installation,
      ...(repositories === undefined
        ? {}
        : { repositories: new Set(repositories.map((name) => name.toLowerCase())) }),
      canWrite,
      expiresAt: this.#now() + installationTokenMs,
    };
    return { token: this.#issue("ghs_", access), access };
  }

  /** Code of the OAuth web flow for `login`: valid once, for 10 minutes. */
  code(login: string, challenge: string | null = null): string {
    const code = randomBytes(10).toString("hex");
    this.#codes.set(code, { user: this.user(login), expiresAt: this.#now() + codeMs, challenge });
    return code;
  }

  /** Token for a code; undefined for one that is unknown, used or expired, or with another verifier (PKCE). */
  redeem(code: string, verifier = ""): string | undefined {
    const found = this.#codes.get(code);
    this.#codes.delete(code);
    if (found === undefined || found.expiresAt < this.#now()) return undefined;
    const hash = createHash("sha256").update(verifier).digest("base64url");
    if (found.challenge !== null && found.challenge !== hash) return undefined;
    return this.#issue("gho_", { user: found.user, canWrite: true, expiresAt: Infinity });
  }

  /** Access of a token, or undefined when it is unknown, revoked or expired. */
  access(token: string): TokenAccess | undefined {
    const access = this.tokens.get(token);
    return access === undefined || access.expiresAt <= this.#now() ? undefined : access;
  }

  /** True when `access` reaches the repository. */
  reaches(access: TokenAccess, fullName: string): boolean {
    const name = fullName.toLowerCase();
    if (access.installation?.isSuspended === true) return false;
    if (access.installation?.repositories.has(name) === false) return false;
    return access.repositories?.has(name) ?? true;
  }

  /** Why GitHub refuses this JSON Web Token of the App, or undefined when it is valid. */
  refusalOfJwt(jwt: string): string | undefined {
    const [head = "", payload = "", signature = ""] = jwt.split(".");
    const isSigned = verify(
      "RSA-SHA256",
      Buffer.from(`${head}.${payload}`),
      this.#publicKey,
      Buffer.from(signature, "base64url"),
    );
    if (!isSigned) return "A JSON web token could not be decoded";
    const claims: { iat?: unknown; exp?: unknown; iss?: unknown } = JSON.parse(
      Buffer.from(payload, "base64url").toString("utf8"),
    );
    const seconds = this.#now() / 1000;
    const { iat, exp, iss } = claims;
    if (typeof iat !== "number" || iat > seconds + 60)
      return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued";
    if (typeof exp !== "number" || exp <= seconds || exp > seconds + 600)
      return "'Expiration time' claim ('exp') is too far in the future";
    if (iss !== this.clientId && String(iss) !== String(this.appId)) return "Integration not found";
    return undefined;
  }

  #issue(prefix: string, access: TokenAccess): string {
    const token = `${prefix}${randomBytes(18).toString("hex")}`;
    this.tokens.set(token, access);
    return token;
  }
}

function newPrivateKey(): string {
  return generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  }).privateKey;
}
