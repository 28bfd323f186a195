import type { ForgeEmulator, RateLimit } from "../forge-server/emulator.ts";
import type { HostedChange, HostedRepository, KeptRepository } from "../forge-server/repository.ts";
import {
  type ApiAnswer,
  type ApiRequest,
  type ForgeFault,
  ForgeServer,
  pageOf,
} from "../forge-server/server.ts";
import { WebhookSender } from "../forge-server/webhook-sender.ts";
import { Accounts, type Installation, type KeptAccounts, type TokenAccess } from "./accounts.ts";
import { Refusal } from "./refusal.ts";
import { answerForRepository, pageSize } from "./repository-routes.ts";
import { nodeIdOf, repositoryShape, userShape } from "./shapes.ts";
import { changeEvent, type GitHubEvent, installationEvent, signedDelivery } from "./webhooks.ts";

/** What an emulator is besides git, for a later process. */
export interface KeptGitHub {
  readonly accounts: KeptAccounts;
  readonly repositories: readonly KeptRepository[];
}

export interface GitHubOptions {
  /** Folder of the repositories, which stays after the end. Default: a temporary one. */
  readonly root?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** State of an earlier emulator with the same root. */
  readonly kept?: KeptGitHub;
  /** Learns of each change before whoever caused it gets an answer. */
  readonly onChange?: (repository: HostedRepository, change: HostedChange) => void;
  /** Called after each request that may have changed something, before its answer. */
  readonly onWrite?: () => void;
  /** Answers requests for pages of people. Undefined for those that there are not. */
  readonly page?: (request: ApiRequest) => Promise<ApiAnswer | undefined>;
}

/** Emulator of GitHub. The API is below `apiUrl`, pages and git below `url`. */
export class GitHubEmulator implements ForgeEmulator {
  readonly accounts: Accounts;
  readonly rateLimit: RateLimit;
  /** Set by {@link GitHubEmulator.sendWebhooksTo}. */
  webhooks: WebhookSender | undefined;
  #server: ForgeServer | undefined;
  #webhookSecret = "";
  #skewMs = 0;
  readonly #options: GitHubOptions;

  private constructor(options: GitHubOptions) {
    this.#options = options;
    this.accounts = new Accounts(() => this.now(), options.kept?.accounts);
    this.rateLimit = { limit: 15_000, remaining: 15_000, resetAt: this.now() + 60 * 60 * 1000 };
  }

  static async start(options: GitHubOptions = {}): Promise<GitHubEmulator> {
    const emulator = new GitHubEmulator(options);
    emulator.#server = await ForgeServer.start({
      ...{ root: options.root, port: options.port },
      api: (request) => emulator.#answer(request),
      headersFor: (_request, status) => emulator.#rateHeaders(status),
      gitAccess: (password, fullName, write) => emulator.#gitAccess(password, fullName, write),
      onChange: (repository, change) => emulator.#onChange(repository, change),
      now: () => emulator.now(),
      protectedWords: "error: GH006: Protected branch update failed for refs/heads/%s.",
    });
    for (const kept of options.kept?.repositories ?? []) await emulator.#server.restoreRepository(kept);
    return emulator;
  }

  get url(): string {
    return this.#running.url;
  }

  get apiUrl(): string {
    return `${this.url}/api/v3`;
  }

  /** "METHOD path?query STATUS" of each request to the API. */
  get requests(): readonly string[] {
    return this.#running.requests;
  }

  /** Each takes the place of one answer, in this order. */
  get faults(): ForgeFault[] {
    return this.#running.faults;
  }

  /** The emulator's clock, in milliseconds since the epoch. */
  now(): number {
    return Date.now() + this.#skewMs;
  }

  /** Moves the clock of tokens, codes and new rows forward. */
  advance(ms: number): void {
    this.#skewMs += ms;
  }

  /** `author` is whoever made the first commit, as git writes it. */
  addRepository(
    fullName: string,
    files?: Readonly<Record<string, string>>,
    author?: string,
  ): Promise<HostedRepository> {
    return this.#running.addRepository(fullName, files, author);
  }

  get repositories(): readonly HostedRepository[] {
    return [...this.#running.repositories.values()];
  }

  kept(): KeptGitHub {
    return { accounts: this.accounts.kept(), repositories: this.repositories.map((each) => each.kept()) };
  }

  /** Name and payload of the webhook for a change. */
  eventOf(repository: HostedRepository, change: HostedChange): GitHubEvent {
    return changeEvent(this.url, repository, change);
  }

  /** Reports changes to `url` from now on, signed with `secret`. */
  sendWebhooksTo(url: string, secret: string): WebhookSender {
    this.#webhookSecret = secret;
    this.webhooks = new WebhookSender(url);
    return this.webhooks;
  }

  /** Removes an installation with its tokens, as an administrator of the account does, and reports it. */
  uninstall(installation: Installation): void {
    this.accounts.uninstall(installation.id);
    this.webhooks?.deliver(signedDelivery(installationEvent("deleted", installation), this.#webhookSecret));
  }

  async close(): Promise<void> {
    await this.webhooks?.close();
    await this.#running.close();
  }

  get #running(): ForgeServer {
    if (this.#server === undefined) throw new Error("The emulator has not started");
    return this.#server;
  }

  #onChange(repository: HostedRepository, change: HostedChange): void {
    this.#options.onChange?.(repository, change);
    if (this.webhooks === undefined) return;
    this.webhooks.deliver(signedDelivery(changeEvent(this.url, repository, change), this.#webhookSecret));
  }

  #gitAccess(password: string, fullName: string, write: boolean): boolean {
    const access = this.accounts.access(password);
    return access !== undefined && this.accounts.reaches(access, fullName) && (access.canWrite || !write);
  }

  /** 304 costs nothing: https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api */
  #rateHeaders(status: number): Record<string, string> {
    if (status !== 304 && this.rateLimit.remaining > 0) this.rateLimit.remaining -= 1;
    const { limit, remaining, resetAt } = this.rateLimit;
    return {
      "x-ratelimit-limit": String(limit),
      "x-ratelimit-remaining": String(remaining),
      "x-ratelimit-used": String(limit - remaining),
      "x-ratelimit-reset": String(Math.ceil(resetAt / 1000)),
    };
  }

  async #answer(request: ApiRequest): Promise<ApiAnswer> {
    try {
      const { pathname } = request.url;
      if (pathname === "/api/graphql") return this.#graphql(request);
      if (!pathname.startsWith("/api/v3/")) return await this.#page(request);
      if (request.headers["user-agent"] === undefined)
        throw new Refusal(403, "Request forbidden by administrative rules");
      if (this.now() >= this.rateLimit.resetAt) this.#resetRateLimit();
      if (this.rateLimit.remaining === 0) throw new Refusal(403, "API rate limit exceeded");
      const answer = await this.#api(request, pathname.slice("/api/v3/".length));
      if (request.method !== "GET") this.#options.onWrite?.();
      return answer;
    } catch (error) {
      if (error instanceof Refusal) return error.answer;
      throw error;
    }
  }

  /** The two mutations for which REST has no request. Refusals are answers with status 200. */
  #graphql(request: ApiRequest): ApiAnswer {
    const access = this.accounts.access(tokenOf(request));
    if (access === undefined) throw new Refusal(401, "Bad credentials");
    const { query, variables } = JSON.parse(request.body) as {
      readonly query: string;
      readonly variables: { readonly id: string };
    };
    const [, name] = /\b(markPullRequestReadyForReview|convertPullRequestToDraft)\(/.exec(query) ?? [];
    for (const repository of this.repositories) {
      if (!access.canWrite || !this.accounts.reaches(access, repository.fullName)) continue;
      const pull = [...repository.pullRequests.values()].find((each) => nodeIdOf(each) === variables.id);
      if (pull === undefined || name === undefined) continue;
      repository.updatePullRequest(pull, { draft: name === "convertPullRequestToDraft" });
      this.#options.onWrite?.();
      return { status: 200, body: { data: { [name]: { pullRequest: { isDraft: pull.draft } } } } };
    }
    const message = `Could not resolve to a node with the global id of '${variables.id}'`;
    return { status: 200, body: { data: null, errors: [{ type: "NOT_FOUND", message }] } };
  }

  #resetRateLimit(): void {
    this.rateLimit.remaining = this.rateLimit.limit;
    this.rateLimit.resetAt = this.now() + 60 * 60 * 1000;
  }

  async #api(request: ApiRequest, path: string): Promise<ApiAnswer> {
    const token = tokenOf(request);
    if (path === "app" || path.startsWith("app/")) return this.#app(request, path, token);
    const access = this.accounts.access(token);
    if (access === undefined) throw new Refusal(401, "Bad credentials");
    if (access.installation?.isSuspended === true)
      throw new Refusal(403, "This installation has been suspended");
    if (path === "user") return this.#user(access);
    if (path === "user/emails") return this.#emails(access);
    if (path === "installation/repositories" || path === "user/repos")
      return this.#listRepositories(request, path, access);
    const [, owner, team] = /^orgs\/([^/]+)\/teams\/([^/]+)\/members$/.exec(path) ?? [];
    if (team !== undefined) return this.#teamMembers(request, `${owner}/${team}`);
    const [, fullName = "", below = ""] = /^repos\/([^/]+\/[^/]+)\/?(.*)$/.exec(path) ?? [];
    const repository = this.#running.repositories.get(fullName.toLowerCase());
    if (repository === undefined || !this.accounts.reaches(access, fullName))
      throw new Refusal(404, "Not Found");
    return await answerForRepository({ server: this.url, repository, request, access, path: below });
  }

  #teamMembers({ url }: ApiRequest, team: string): ApiAnswer {
    const logins = this.accounts.teams.get(team);
    if (logins === undefined) throw new Refusal(404, "Not Found");
    const { items, headers } = pageOf(url, [...logins], pageSize(url));
    return { status: 200, body: items.map((login) => ({ login })), headers };
  }

  #user(access: TokenAccess): ApiAnswer {
    if (access.installation !== undefined) throw new Refusal(403, "Resource not accessible by integration");
    return { status: 200, body: userShape(access.user) };
  }

  #emails({ user: { login } }: TokenAccess): ApiAnswer {
    const own = this.accounts.emails.get(login) ?? {
      email: `${login}@users.example.org`,
      verified: true,
    };
    return { status: 200, body: [{ ...own, primary: true, visibility: "private" }] };
  }

  #listRepositories({ url }: ApiRequest, path: string, access: TokenAccess): ApiAnswer {
    if ((access.installation === undefined) === (path === "installation/repositories"))
      throw new Refusal(403, "Resource not accessible by this token");
    const list = [...this.#running.repositories.values()].filter(({ fullName }) =>
      this.accounts.reaches(access, fullName),
    );
    const { items, headers } = pageOf(url, list, pageSize(url));
    const repositories = items.map((repository) => repositoryShape(this.url, repository));
    const body =
      access.installation === undefined ? repositories : { total_count: list.length, repositories };
    return { status: 200, body, headers };
  }

  #app(request: ApiRequest, path: string, jwt: string): ApiAnswer {
    const refusal = this.accounts.refusalOfJwt(jwt);
    if (refusal !== undefined) throw new Refusal(401, refusal);
    if (path === "app") return { status: 200, body: { id: this.accounts.appId, slug: "holdfast-emulator" } };
    const id = Number(/^app\/installations\/(\d+)/.exec(path)?.[1]);
    const installation = this.accounts.installations.get(id);
    if (installation === undefined) throw new Refusal(404, "Not Found");
    if (path.endsWith("/access_tokens")) return this.#installationToken(request, installation);
    const { account } = installation;
    return { status: 200, body: { id, account: { login: account }, suspended_at: null } };
  }

  #installationToken({ body }: ApiRequest, installation: Installation): ApiAnswer {
    if (installation.isSuspended) throw new Refusal(403, "This installation has been suspended");
    const input: { repositories?: string[]; permissions?: Record<string, string> } =
      body === "" ? {} : JSON.parse(body);
    const names = input.repositories?.map((name) => `${installation.account}/${name}`.toLowerCase());
    if (names?.some((name) => !installation.repositories.has(name)) === true)
      throw new Refusal(422, "There is at least one repository that does not exist or is not accessible");
    const canWrite = input.permissions === undefined || input.permissions["contents"] === "write";
    const { token, access } = this.accounts.installationToken(installation, names, canWrite);
    const expires_at = new Date(access.expiresAt).toISOString();
    return { status: 201, body: { token, expires_at, permissions: input.permissions ?? {} } };
  }

  async #page(request: ApiRequest): Promise<ApiAnswer> {
    return (await this.#options.page?.(request)) ?? this.#oauth(request);
  }

  /** The web flow of https://docs.github.com/apps/oauth-apps: a page with one link for each user, then a code. */
  #oauth({ method, url, body }: ApiRequest): ApiAnswer {
    const { accounts } = this;
    if (method === "GET" && url.pathname === "/login/oauth/authorize") {
      if (url.searchParams.get("client_id") !== accounts.clientId) throw new Refusal(404, "Not Found");
      const login = url.searchParams.get("login");
      if (login === null) return { status: 200, body: chooseUserPage(url, [...accounts.users.keys()]) };
      const target = new URL(url.searchParams.get("redirect_uri") ?? "");
      target.searchParams.set("code", accounts.code(login, url.searchParams.get("code_challenge")));
      target.searchParams.set("state", url.searchParams.get("state") ?? "");
      return { status: 302, headers: { location: target.href } };
    }
    if (method !== "POST" || url.pathname !== "/login/oauth/access_token")
      throw new Refusal(404, "Not Found");
    const input: Record<string, unknown> = body.startsWith("{")
      ? JSON.parse(body)
      : Object.fromEntries(new URLSearchParams(body));
    const isClient =
      input["client_id"] === accounts.clientId && input["client_secret"] === accounts.clientSecret;
    if (!isClient) return { status: 200, body: { error: "incorrect_client_credentials" } };
    const token = accounts.redeem(String(input["code"]), String(input["code_verifier"] ?? ""));
    if (token === undefined) return { status: 200, body: { error: "bad_verification_code" } };
    return { status: 200, body: { access_token: token, token_type: "bearer", scope: "repo" } };
  }
}

function tokenOf({ headers }: ApiRequest): string {
  return /^(?:bearer|token) (.+)$/i.exec(headers.authorization ?? "")?.[1] ?? "";
}

function chooseUserPage(url: URL, logins: readonly string[]): string {
  const links = logins.map((login) => {
    const target = new URL(url);
    target.searchParams.set("login", login);
    return `<li><a href="${target.href.replaceAll("&", "&amp;")}">${login}</a></li>`;
  });
  return `<!doctype html><title>Sign in</title><h1>Sign in as</h1><ul>${links.join("")}</ul>`;
}
