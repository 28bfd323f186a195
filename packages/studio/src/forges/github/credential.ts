import { createPrivateKey, sign } from "node:crypto";
import { HoldfastError, isErrorCode } from "@holdfast/core";
import type { ForgeHttp } from "../http/forge-http.ts";

/** How the client proves itself: as the installation of an App, or with a person's token. */
export type GitHubCredential =
  | {
      readonly kind: "app";
      readonly appId: string;
      readonly installationId: number;
      /** PEM, as GitHub gives it. */
      readonly privateKey: string;
    }
  | { readonly kind: "token"; readonly token: string };

export interface GitHubToken {
  readonly token: string;
  /** Milliseconds since the epoch; undefined for a personal token. */
  readonly expiresAt: number | undefined;
}

/** A token is replaced this long before it expires. */
const renewBeforeMs = 5 * 60 * 1000;

/** Tokens of an installation, or the one token of a person. */
export class GitHubTokens {
  readonly #http: ForgeHttp;
  readonly #credential: GitHubCredential;
  readonly #now: () => number;
  #current: GitHubToken | undefined;
  #renewing: Promise<GitHubToken> | undefined;

  constructor(http: ForgeHttp, credential: GitHubCredential, now: () => number) {
    this.#http = http;
    this.#credential = credential;
    this.#now = now;
  }

  get isApp(): boolean {
    return this.#credential.kind === "app";
  }

  /** Token for the API. Concurrent calls share one request for a new one. */
  async current(): Promise<string> {
    if (this.#credential.kind === "token") return this.#credential.token;
    const known = this.#current;
    if (known?.expiresAt !== undefined && known.expiresAt - renewBeforeMs > this.#now()) return known.token;
    this.#renewing ??= this.#create({}).finally(() => {
      this.#renewing = undefined;
    });
    this.#current = await this.#renewing;
    return this.#current.token;
  }

  /** Forgets the token, after the forge has refused it. */
  forget(): void {
    this.#current = undefined;
  }

  /** Token that reaches the contents of one repository only. A personal token cannot be narrowed. */
  async forRepository(name: string, signal?: AbortSignal): Promise<GitHubToken> {
    if (this.#credential.kind === "token") return { token: this.#credential.token, expiresAt: undefined };
    return this.#create({ repositories: [name], permissions: { contents: "write" } }, signal);
  }

  /** JSON Web Token of the App itself (RS256, valid for nine minutes). */
  appToken(): string {
    if (this.#credential.kind !== "app")
      throw new HoldfastError("forge", "unauthorized", "A personal token is no App. Connect the App.", {
        statusCode: 401,
      });
    const seconds = Math.floor(this.#now() / 1000);
    const { appId, privateKey } = this.#credential;
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    // One minute back, for clocks that differ.
    const claims = { iat: seconds - 60, exp: seconds + 540, iss: appId };
    const content = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
    return `${content}.${sign("RSA-SHA256", Buffer.from(content), keyOf(privateKey)).toString("base64url")}`;
  }

  async #create(body: unknown, signal?: AbortSignal): Promise<GitHubToken> {
    if (this.#credential.kind !== "app") return { token: this.#credential.token, expiresAt: undefined };
    const path = `/app/installations/${this.#credential.installationId}/access_tokens`;
    const response = await this.#http
      .request({ ...{ method: "POST", path, body, token: this.appToken(), signal } })
      .catch((error: unknown) => {
        if (!isErrorCode(error, "forge", "not_found")) throw error;
        const message = "The App is not installed at GitHub any more. Install it again for this repository.";
        throw new HoldfastError("forge", "not_found", message, { statusCode: 404, cause: error });
      });
    const { token, expires_at } = response.body as { token: string; expires_at: string };
    return { token, expiresAt: Date.parse(expires_at) };
  }
}

function keyOf(privateKey: string) {
  try {
    return createPrivateKey(privateKey);
  } catch {
    const message =
      "The App's private key is no PEM key. Create a private key in the App's settings, and use the whole file.";
    // Without the cause, which may quote the key.
    throw new HoldfastError("forge", "unauthorized", message, { statusCode: 401 });
  }
}
