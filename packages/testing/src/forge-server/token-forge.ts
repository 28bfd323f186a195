import { randomBytes } from "node:crypto";
import type { ForgeEmulator, RateLimit } from "./emulator.ts";
import type { ForgeUser, HostedChange, HostedRepository } from "./repository.ts";
import { type ApiAnswer, type ApiRequest, type ForgeFault, ForgeServer } from "./server.ts";
import { type WebhookDelivery, WebhookSender } from "./webhook-sender.ts";

/** What a token may do. */
export interface TokenGrant {
  readonly user: ForgeUser;
  readonly canWrite: boolean;
  /** Full names in lower case; undefined for all repositories. */
  readonly repositories: ReadonlySet<string> | undefined;
  /** Milliseconds since the epoch; Infinity for a token without an end. */
  readonly expiresAt: number;
}

/** A request whose token is known. */
export interface TokenCall {
  readonly forge: TokenForge;
  readonly server: string;
  readonly request: ApiRequest;
  readonly grant: TokenGrant;
  /** Path below the API's base. */
  readonly path: string;
  /** Repositories that the token reaches, by full name in lower case. */
  readonly repositories: ReadonlyMap<string, HostedRepository>;
}

/** Error answer of an emulator. */
export class ApiRefusal extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

export interface TokenForgeOptions {
  /** Path of the API, beginning with a slash. */
  readonly apiPath: string;
  /** Answers a call, or throws {@link ApiRefusal}. */
  readonly answer: (call: TokenCall) => Promise<ApiAnswer>;
  /** Body of an error answer. */
  readonly refusalBody: (refusal: ApiRefusal) => unknown;
  /** The webhook for a change, or undefined for one that the forge does not report. */
  readonly delivery: (
    server: string,
    repository: HostedRepository,
    change: HostedChange,
    secret: string,
    now: number,
  ) => WebhookDelivery | undefined;
  readonly protectedWords: string;
}

/** Emulator of a forge that knows plain access tokens: one clock, tokens, a rate limit, webhooks, and git. */
export class TokenForge implements ForgeEmulator {
  readonly tokens = new Map<string, TokenGrant>();
  readonly rateLimit: RateLimit;
  readonly #options: TokenForgeOptions;
  readonly #users = new Map<string, ForgeUser>();
  #server: ForgeServer | undefined;
  #webhooks: WebhookSender | undefined;
  #webhookSecret = "";
  #skewMs = 0;

  private constructor(options: TokenForgeOptions) {
    this.#options = options;
    this.rateLimit = { limit: 100_000, remaining: 100_000, resetAt: this.now() + 60_000 };
  }

  static async start(options: TokenForgeOptions): Promise<TokenForge> {
    const forge = new TokenForge(options);
    forge.#server = await ForgeServer.start({
      api: (request) => forge.#answer(request),
      headersFor: () => ({}),
      gitAccess: (password, fullName, write) => {
        const grant = forge.#grantOf(password);
        return grant !== undefined && reaches(grant, fullName) && (grant.canWrite || !write);
      },
      onChange: (repository, change) => forge.#onChange(repository, change),
      now: () => forge.now(),
      protectedWords: options.protectedWords,
    });
    return forge;
  }

  get url(): string {
    return this.#running.url;
  }

  get apiUrl(): string {
    return `${this.url}${this.#options.apiPath}`;
  }

  get requests(): readonly string[] {
    return this.#running.requests;
  }

  get faults(): ForgeFault[] {
    return this.#running.faults;
  }

  now(): number {
    return Date.now() + this.#skewMs;
  }

  advance(ms: number): void {
    this.#skewMs += ms;
  }

  addRepository(fullName: string, files?: Readonly<Record<string, string>>): Promise<HostedRepository> {
    return this.#running.addRepository(fullName, files);
  }

  user(login: string): ForgeUser {
    const known = this.#users.get(login);
    if (known !== undefined) return known;
    const user = { id: 100 + this.#users.size, login };
    this.#users.set(login, user);
    return user;
  }

  userById(id: number): ForgeUser | undefined {
    return [...this.#users.values()].find((user) => user.id === id);
  }

  /** A new token of `login`. Default: it may write all repositories, without an end. */
  addToken(
    login: string,
    grant: {
      readonly canWrite?: boolean;
      readonly repositories?: readonly string[];
      readonly expiresAt?: number;
    } = {},
  ): string {
    const token = randomBytes(20).toString("hex");
    this.tokens.set(token, {
      user: this.user(login),
      canWrite: grant.canWrite ?? true,
      repositories:
        grant.repositories === undefined
          ? undefined
          : new Set(grant.repositories.map((name) => name.toLowerCase())),
      expiresAt: grant.expiresAt ?? Infinity,
    });
    return token;
  }

  sendWebhooksTo(url: string, secret: string): WebhookSender {
    this.#webhookSecret = secret;
    this.#webhooks = new WebhookSender(url);
    return this.#webhooks;
  }

  async close(): Promise<void> {
    await this.#webhooks?.close();
    await this.#running.close();
  }

  get #running(): ForgeServer {
    if (this.#server === undefined) throw new Error("The emulator has not started");
    return this.#server;
  }

  #grantOf(token: string): TokenGrant | undefined {
    const grant = this.tokens.get(token);
    return grant === undefined || grant.expiresAt <= this.now() ? undefined : grant;
  }

  #onChange(repository: HostedRepository, change: HostedChange): void {
    if (this.#webhooks === undefined) return;
    const delivery = this.#options.delivery(this.url, repository, change, this.#webhookSecret, this.now());
    if (delivery !== undefined) this.#webhooks.deliver(delivery);
  }

  async #answer(request: ApiRequest): Promise<ApiAnswer> {
    try {
      return await this.#call(request);
    } catch (error) {
      if (!(error instanceof ApiRefusal)) throw error;
      const headers = error.status === 429 ? { "retry-after": String(this.#secondsToReset()) } : undefined;
      const body = this.#options.refusalBody(error);
      return { status: error.status, body, ...(headers === undefined ? {} : { headers }) };
    }
  }

  async #call(request: ApiRequest): Promise<ApiAnswer> {
    const { pathname } = request.url;
    const { apiPath } = this.#options;
    if (!pathname.startsWith(`${apiPath}/`)) throw new ApiRefusal(404, "Not Found");
    if (this.now() >= this.rateLimit.resetAt)
      Object.assign(this.rateLimit, { remaining: this.rateLimit.limit, resetAt: this.now() + 60_000 });
    if (this.rateLimit.remaining === 0) throw new ApiRefusal(429, "Too Many Requests");
    this.rateLimit.remaining -= 1;
    const { authorization = "", "private-token": privateToken } = request.headers;
    const token = /^(?:bearer|token) (.+)$/i.exec(authorization)?.[1] ?? String(privateToken ?? "");
    const grant = this.#grantOf(token);
    if (grant === undefined) throw new ApiRefusal(401, "401 Unauthorized");
    const repositories = new Map(
      [...this.#running.repositories].filter(([fullName]) => reaches(grant, fullName)),
    );
    const path = pathname.slice(apiPath.length + 1);
    return await this.#options.answer({
      ...{ forge: this, server: this.url, request, grant, path, repositories },
    });
  }

  #secondsToReset(): number {
    return Math.max(1, Math.ceil((this.rateLimit.resetAt - this.now()) / 1000));
  }
}

function reaches({ repositories }: TokenGrant, fullName: string): boolean {
  return repositories?.has(fullName.toLowerCase()) ?? true;
}
