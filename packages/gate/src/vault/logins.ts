import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, HoldfastError } from "@holdfast/core";
import { PrivateFile, parseJson, readIfPresent } from "./credential-file.ts";

/** A login of the person, as far as requests need it. */
export interface LoginToken {
  readonly accessToken: string;
  /** ChatGPT only. */
  readonly accountId?: string;
}

export interface Login {
  /** True when the file with the login exists and has one. */
  present(): Promise<boolean>;
  /** A token that is valid now; renews it first when it is not. Throws `vault.login_expired`, `vault.refresh_failed`. */
  token(): Promise<LoginToken>;
}

interface Tokens extends LoginToken {
  readonly refreshToken?: string;
  /** Milliseconds since the epoch; unknown means never. */
  readonly expiresAt?: number;
}

/** What differs between the two kinds of login. */
interface LoginFormat {
  readonly path: string;
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly again: string;
  read(file: Record<string, unknown>): Tokens | undefined;
  /** The file with the renewed tokens in it; everything else in it stays. */
  write(file: Record<string, unknown>, answer: RefreshAnswer, now: number): Record<string, unknown>;
}

interface RefreshAnswer {
  readonly accessToken: string;
  readonly refreshToken?: string;
  readonly idToken?: string;
  readonly expiresInSeconds?: number;
}

/** Renewed this long before the end, so that a request in flight does not outlive its token. */
const renewBeforeMs = 60_000;
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
    again: "Log in again with: claude /login",
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
    again: "Log in again with: codex login",
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

/** The end of a JSON web token in milliseconds; its signature is for its issuer to check. */
function jwtExpiry(token: string): number | undefined {
  const payload = token.split(".")[1];
  if (payload === undefined) return undefined;
  const expiry = parseJson(Buffer.from(payload, "base64url").toString("utf8"))?.["exp"];
  return typeof expiry === "number" ? expiry * 1_000 : undefined;
}

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
    // A refresh token can be used once, so requests that come together share one renewal.
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
    return expiresAt === undefined || expiresAt - renewBeforeMs > this.#clock.now();
  }

  async #load(): Promise<Record<string, unknown> | undefined> {
    // A login of another user is no login of this one.
    const content = await readIfPresent(this.#format.path, true);
    return content === undefined ? undefined : parseJson(content.toString("utf8"));
  }

  async #refresh(): Promise<Tokens> {
    // Read anew: what was read before may be of before a renewal that ended meanwhile.
    const { file, tokens } = await this.#login();
    if (this.#isFresh(tokens)) return tokens;
    if (tokens.refreshToken === undefined) throw this.#expired("it cannot be renewed");
    const kept = await this.#begin();
    let renewed: Record<string, unknown>;
    try {
      const answer = await this.#ask(tokens.refreshToken);
      renewed = this.#format.write(file, answer, this.#clock.now());
      // Written before use: the old refresh token is void now, and the person's own tools need the new one.
      await kept.keep(`${JSON.stringify(renewed, null, 2)}\n`);
    } catch (error) {
      await kept.discard();
      throw error;
    }
    const read = this.#format.read(renewed);
    if (read === undefined) throw this.#expired("the renewed login is empty");
    return read;
  }

  /**
   * Where the renewed login will be kept. Begun before the server is asked: what it answers and nobody can keep
   * would log the person's own tools out. A link stays one, for it is the file behind it that they read.
   */
  async #begin(): Promise<PrivateFile> {
    try {
      return await PrivateFile.beside(await realpath(this.#format.path));
    } catch (cause) {
      throw refreshFailed("its file cannot be written", cause);
    }
  }

  async #ask(refreshToken: string): Promise<RefreshAnswer> {
    const { tokenUrl, clientId } = this.#format;
    const body = JSON.stringify({
      grant_type: "refresh_token",
      refresh_token: refreshToken,
      client_id: clientId,
    });
    let response: Response;
    let told: string;
    try {
      response = await fetch(tokenUrl, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        redirect: "error",
        signal: AbortSignal.timeout(refreshTimeoutMs),
      });
      told = await response.text();
    } catch (cause) {
      throw refreshFailed("no answer", cause);
    }
    // A server that is busy or broken says nothing of the login.
    if (response.status >= 500 || response.status === 429) {
      throw refreshFailed(`the answer was ${response.status}`);
    }
    const answer = parseJson(told) ?? {};
    const accessToken = text(answer["access_token"]);
    // The answer may quote tokens, so nothing of it is repeated.
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

  #expired(why: string): HoldfastError {
    return new HoldfastError(
      "vault",
      "login_expired",
      `The login cannot be used: ${why}. ${this.#format.again}`,
      {
        statusCode: 503,
      },
    );
  }
}

function refreshFailed(why: string, cause?: unknown): HoldfastError {
  return new HoldfastError("vault", "refresh_failed", `The login could not be renewed: ${why}`, {
    statusCode: 503,
    ...(cause === undefined ? {} : { cause }),
  });
}
