/** Authentication of the Studio's HTTP interface. */
import { createHash, randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { AccessInfo, ManageInfo } from "@holdfast/server";

/** The durable part: the `access` actor. It only gets hashes. */
export interface AccessBackend {
  addTicket(ticket: string): Promise<void>;
  exchange(ticket: string, login: string): Promise<{ readonly expiresAt: number }>;
  check(login: string): Promise<number>;
  end(login: string): Promise<void>;
}

const maxCachedLogins = 1_000;

export interface AccessOptions {
  readonly backend: AccessBackend;
  /** Separates the cookies of several Studios on one host, which browsers would mix up; the same on all nodes. */
  readonly identity: string | (() => Promise<string>);
  readonly now: () => number;
  /** How long a valid login is cached: on several nodes, another one may have ended it. No limit by default. */
  readonly cacheMs?: number;
}

/**
 * Access control of the Studio over the network. A client needs the cookie that it got in exchange for a one-time
 * ticket. No client can reach the Studio's internals: `internal` actions, the `access` actor, and the creation of
 * tasks and sessions.
 */
export class Access {
  readonly #options: AccessOptions;
  readonly #backend: AccessBackend;
  readonly #now: () => number;
  #cookieName: string | undefined;
  /** Cache of valid logins by hash, with the time until which they are, so that requests do not wake the actor. */
  readonly #validLogins = new Map<string, number>();

  constructor(options: AccessOptions) {
    this.#options = options;
    this.#backend = options.backend;
    this.#now = options.now;
    if (typeof options.identity === "string") this.#cookieName = nameOfCookie(options.identity);
  }

  async issueTicket(): Promise<string> {
    const ticket = randomBytes(32).toString("base64url");
    await this.#backend.addTicket(sha256(ticket));
    return ticket;
  }

  /** Exchanges a ticket for a login, and returns a `Set-Cookie` header value. Throws `auth.invalid_ticket`. */
  async exchange(ticket: string): Promise<string> {
    const secret = randomBytes(32).toString("base64url");
    const { expiresAt } = await this.#backend.exchange(sha256(ticket), sha256(secret));
    const maxAge = Math.floor((expiresAt - this.#now()) / 1000);
    return `${await this.#nameCookie()}=${secret}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict`;
  }

  /** Ends the login of a request, which frees its slot. Throws `auth.unauthorized`. */
  async endLogin(info: { header(name: string): string | undefined }): Promise<void> {
    await this.requireLogin(info);
    const login = sha256(readCookie(info.header("cookie"), await this.#nameCookie()) ?? "");
    this.#validLogins.delete(login);
    await this.#backend.end(login);
  }

  /** The gateway's access hook. Throws `auth.unauthorized`, `auth.forbidden`. */
  readonly authorizeAction = (info: AccessInfo): Promise<void> | void => {
    const pending = this.#identify(info);
    return pending === undefined ? requirePublicAction(info) : pending.then(() => requirePublicAction(info));
  };

  /**
   * Management access: any logged-in user owns the server and can inspect everything. The API documents and the
   * metrics contain no data of actors, so local programs (a metrics scraper, for example) can read them without a
   * login. Throws `auth.unauthorized`.
   */
  readonly authorizeManagement = (info: ManageInfo): Promise<void> | void => {
    const isPublic = info.kind === "documents" || info.kind === "metrics";
    if (!isPublic || !info.isLocal) return this.#identify(info);
  };

  /** Requires a login, for the Studio's routes beside the actors. Throws `auth.unauthorized`. */
  readonly requireLogin = (info: { header(name: string): string | undefined }): Promise<void> | void =>
    this.#identify(info);

  #identify(info: { header(name: string): string | undefined }): Promise<void> | undefined {
    if (this.#cookieName === undefined) return this.#nameCookie().then(() => this.#identify(info));
    const secret = readCookie(info.header("cookie"), this.#cookieName);
    if (secret === undefined) throw unauthorized();
    const login = sha256(secret);
    return (this.#validLogins.get(login) ?? 0) > this.#now() ? undefined : this.#checkLogin(login);
  }

  async #checkLogin(login: string): Promise<void> {
    const expiresAt = await this.#backend.check(login);
    if (expiresAt <= this.#now()) throw unauthorized();
    if (this.#validLogins.size >= maxCachedLogins) this.#validLogins.clear();
    const { cacheMs = Number.POSITIVE_INFINITY } = this.#options;
    this.#validLogins.set(login, Math.min(expiresAt, this.#now() + cacheMs));
  }

  async #nameCookie(): Promise<string> {
    const { identity } = this.#options;
    if (this.#cookieName === undefined && typeof identity !== "string")
      this.#cookieName = nameOfCookie(await identity());
    return this.#cookieName ?? "";
  }
}

function requirePublicAction(info: AccessInfo): void {
  const { kind, actor, action } = info;
  const isCreatable = actor === "organization" || actor === "group";
  const isPublicActor = isCreatable || actor === "task" || actor === "session";
  const isInternal = action === "internal" || action?.startsWith("internal.") === true;
  if (isPublicActor && !isInternal && (kind !== "create" || isCreatable)) return;
  throw new HoldfastError("auth", "forbidden", "Only the Studio itself can do this");
}

function nameOfCookie(identity: string): string {
  return `holdfast-${sha256(identity).slice(0, 8)}`;
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function readCookie(header: string | undefined, name: string): string | undefined {
  for (const part of header?.split(";") ?? []) {
    const [key, value] = part.trim().split("=", 2);
    if (key === name && value !== undefined && value !== "") return value;
  }
  return undefined;
}

function unauthorized(): HoldfastError {
  return new HoldfastError(
    "auth",
    "unauthorized",
    'Not signed in. Open the link that "npx holdfast url" prints. Add --data if the server was started with it.',
  );
}
