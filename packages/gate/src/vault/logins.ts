import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, HoldfastError } from "@holdfast/core";
import { PrivateFile, parseJson, readIfPresent } from "./private-file.ts";

/** The part of a login that requests need. */
export interface LoginToken {
  readonly accessToken: string;
  /** ChatGPT only. */
  readonly accountId?: string;
}

/** A login of the user with a provider, kept by the provider's own tool. */
export interface Login {
  /** Whether the file of the login exists and has one. */
  present(): Promise<boolean>;
  /** A valid token, refreshed first where it is about to expire. Throws `vault.login_expired`, `vault.refresh_failed`. */
  token(): Promise<LoginToken>;
}

interface Tokens extends LoginToken {
  readonly refreshToken?: string;
  /** Milliseconds since the epoch; absent means that it never expires. */
  readonly expiresAt?: number;
}

/** The differences between the two kinds of login. */
interface LoginFormat {
  readonly path: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  /** Advice for an expired login. */
  readonly hint: string;
  read(file: Record<string, unknown>): Tokens | undefined;
  /** The file with the refreshed tokens; everything else in it is kept. */
  write(file: Record<string, unknown>, answer: RefreshAnswer, now: number): Record<string, unknown>;
}

interface RefreshAnswer {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly idToken?: string;
  readonly expiresInSeconds?: number;
}

/** Tokens are refreshed this long before they expire, so that a running request does not outlive its token. */
const refreshBeforeMs = 60_000;
const refreshTimeoutMs = 15_000;

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const record = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

/** The login that `claude` keeps in ~/.claude/.credentials.json. */
export function claudeLogin(homeDir: string, tokenUrl: string, clock: Clock): Login {
  return new FileLogin(clock, {
    path: join(homeDir, ".claude", ".credentials.json"),
    tokenUrl,
    clientId: "9d1c250a-e61b-44d9-88ed-5944d1962f5e",
    hint: "Log in again with: claude /login",
    read(file) {
      const entry = record(file["claudeAiOauth"]);
      const accessToken = text(entry["accessToken"]);
      if (accessToken === undefined) return undefined;
      const expiresAt = typeof entry["expiresAt"] === "number" ? entry["expiresAt"] : undefined;
      return {
        accessToken,
        ...optional("refreshToken", text(entry["refreshToken"])),
        ...optional("expiresAt", expiresAt),
      };
    },
    write(file, answer, now) {
      const entry = record(file["claudeAiOauth"]);
      return {
        ...file,
        claudeAiOauth: {
          ...entry,
          accessToken: answer.accessToken,
          refreshToken: answer.refreshToken ?? entry["refreshToken"],
          expiresAt: now + (answer.expiresInSeconds ?? 3_600) * 1_000,
        },
      };
    },
  });
}

/** The login that `codex` keeps in ~/.codex/auth.json. */
export function chatgptLogin(homeDir: string, tokenUrl: string, clock: Clock): Login {
  return new FileLogin(clock, {
    path: join(homeDir, ".codex", "auth.json"),
    tokenUrl,
    clientId: "app_EMoamEEZ73f0CkXaXp7hrann",
    hint: "Log in again with: codex login",
    read(file) {
      const tokens = record(file["tokens"]);
      const accessToken = text(tokens["access_token"]);
      if (accessToken === undefined) return undefined;
      return {
        accessToken,
        ...optional("accountId", text(tokens["account_id"])),
        ...optional("refreshToken", text(tokens["refresh_token"])),
        ...optional("expiresAt", jwtExpiry(accessToken)),
      };
    },
    write(file, answer, now) {
      const tokens = record(file["tokens"]);
      return {
        ...file,
        tokens: {
          ...tokens,
          access_token: answer.accessToken,
          refresh_token: answer.refreshToken ?? tokens["refresh_token"],
          id_token: answer.idToken ?? tokens["id_token"],
        },
        last_refresh: new Date(now).toISOString(),
      };
    },
  });
}

/** Expiry of a JSON web token in milliseconds. The signature is not checked, which is up to the issuer. */
function jwtExpiry(token: string): number | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  const expiry = parseJson(Buffer.from(payload, "base64url").toString("utf8"))?.["exp"];
  return typeof expiry === "number" ? expiry * 1_000 : undefined;
}

/** A login in a file of the user's home, which the provider's own tool reads and writes too. */
class FileLogin implements Login {
  readonly #clock: Clock;
  readonly #format: LoginFormat;
  #refreshing: Promise<Tokens> | undefined;

  constructor(clock: Clock, format: LoginFormat) {
    this.#clock = clock;
    this.#format = format;
  }

  async present(): Promise<boolean> {
    const file = await this.#load();
    return file !== undefined && this.#format.read(file) !== undefined;
  }

  async token(): Promise<LoginToken> {
    const { tokens } = await this.#login();
    if (this.#isFresh(tokens)) return tokens;
    // A refresh token works once, so concurrent requests share one refresh.
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = undefined;
    });
    return this.#refreshing;
  }

  async #login(): Promise<{ readonly file: Record<string, unknown>; readonly tokens: Tokens }> {
    const file = await this.#load();
    const tokens = file === undefined ? undefined : this.#format.read(file);
    if (file === undefined || tokens === undefined) throw this.#expired("there is no login");
    return { file, tokens };
  }

  #isFresh({ expiresAt }: Tokens): boolean {
    return expiresAt === undefined || expiresAt - refreshBeforeMs > this.#clock.now();
  }

  async #load(): Promise<Record<string, unknown> | undefined> {
    // A file that this user may not read is not a login of this user.
    const content = await readIfPresent(this.#format.path, true);
    return content === undefined ? undefined : parseJson(content.toString("utf8"));
  }

  async #refresh(): Promise<Tokens> {
    // Read again: another refresh may have ended since.
    const { file, tokens } = await this.#login();
    if (this.#isFresh(tokens)) return tokens;
    if (tokens.refreshToken === undefined) throw this.#expired("it cannot be renewed");
    const target = await this.#openForWriting();
    let refreshed: Record<string, unknown>;
    try {
      const answer = await this.#requestTokens(tokens.refreshToken);
      refreshed = this.#format.write(file, answer, this.#clock.now());
      // Written before use: the old refresh token is void now, and the user's own tools need the new one.
      await target.commit(`${JSON.stringify(refreshed, null, 2)}\n`);
    } catch (error) {
      await target.discard();
      throw error;
    }
    const read = this.#format.read(refreshed);
    if (read === undefined) throw this.#expired("the renewed login is empty");
    return read;
  }

  /**
   * Opens the file for the refreshed login, before the server is asked: a refresh that could not be saved would log the
   * user's own tools out. A symbolic link is kept, and the file behind it replaced.
   */
  async #openForWriting(): Promise<PrivateFile> {
    try {
      return await PrivateFile.beside(await realpath(this.#format.path));
    } catch (cause) {
      throw refreshFailed("its file cannot be written", cause);
    }
  }

  async #requestTokens(refreshToken: string): Promise<RefreshAnswer> {
    const { tokenUrl, clientId } = this.#format;
    const body = JSON.stringify({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    let response: Response;
    let content: string;
    try {
      response = await fetch(tokenUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        redirect: "error",
        signal: AbortSignal.timeout(refreshTimeoutMs),
      });
      content = await response.text();
    } catch (cause) {
      throw refreshFailed("no answer", cause);
    }
    // A server that is busy or broken says nothing about the login.
    if (response.status >= 500 || response.status === 429) {
      throw refreshFailed(`the answer was ${response.status}`);
    }
    const answer = parseJson(content) ?? {};
    const accessToken = text(answer["access_token"]);
    // The answer may contain tokens, so the error repeats none of it.
    if (!response.ok || accessToken === undefined)
      throw this.#expired(`renewal was refused with ${response.status}`);
    const expires = answer["expires_in"];
    return {
      accessToken,
      ...optional("refreshToken", text(answer["refresh_token"])),
      ...optional("idToken", text(answer["id_token"])),
      ...optional("expiresInSeconds", typeof expires === "number" ? expires : undefined),
    };
  }

  #expired(reason: string): HoldfastError {
    return new HoldfastError(
      "vault",
      "login_expired",
      `The login cannot be used: ${reason}. ${this.#format.hint}`,
      {
        statusCode: 503,
      },
    );
  }
}

function refreshFailed(reason: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "refresh_failed", `The login could not be renewed: ${reason}`, {
    statusCode: 503,
    ...(cause === undefined ? {} : { cause }),
  });
}
