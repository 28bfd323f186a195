import { createHash, randomBytes } from "node:crypto";
import { operator, type Person, type RequestHeaders, unauthorized } from "../access/person.ts";

/** The durable part: the `access` actor. It only gets hashes. */
export interface AccessBackend {
  addTicket(ticket: string): Promise<void>;
  exchange(ticket: string, login: string): Promise<{ readonly expiresAt: number }>;
  check(login: string): Promise<number>;
  end(login: string): Promise<void>;
}

const maxCachedLogins = 1_000;

export interface LoginsOptions {
  readonly backend: AccessBackend;
  /** Separates the cookies of several Studios on one host, which browsers would mix up; the same on all nodes. */
  readonly identity: string | (() => Promise<string>);
  /** True where people open the Studio over HTTPS: browsers send the cookie over nothing else. */
  readonly isSecure?: boolean;
  readonly now: () => number;
  /** How long a valid login is cached: on several nodes, another one may have ended it. No limit by default. */
  readonly cacheMs?: number;
}

/**
 * Logins of the operator: a one-time ticket, which `holdfast url` prints, is exchanged for a cookie.
 */
export class Logins {
  readonly #options: LoginsOptions;
  readonly #backend: AccessBackend;
  readonly #now: () => number;
  #cookieName: string | undefined;
  /** Cache of valid logins by hash, with the time until which they are, so that requests do not wake the actor. */
  readonly #validLogins = new Map<string, number>();
  /** Number of logins that were ended. A check that began before the last of them is not cached. */
  #ended = 0;

  constructor(options: LoginsOptions) {
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
    return `${await this.#nameCookie()}=${secret}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${this.#options.isSecure === true ? "; Secure" : ""}`;
  }

  /** Ends the login of a request, which frees its slot. Throws `auth.unauthorized`. */
  async endLogin(request: RequestHeaders): Promise<void> {
    if ((await this.identify(request)) === undefined) throw unauthorized();
    const login = sha256(readCookie(request.header("cookie"), await this.#nameCookie()) ?? "");
    await this.#backend.end(login);
    this.#ended += 1;
    this.#validLogins.delete(login);
  }

  /** The operator, if the request has the cookie of a valid login. */
  readonly identify = (request: RequestHeaders): Person | undefined | Promise<Person | undefined> => {
    if (this.#cookieName === undefined) return this.#nameCookie().then(() => this.identify(request));
    const secret = readCookie(request.header("cookie"), this.#cookieName);
    if (secret === undefined) return undefined;
    const login = sha256(secret);
    return (this.#validLogins.get(login) ?? 0) > this.#now() ? operator : this.#checkLogin(login);
  };

  async #checkLogin(login: string): Promise<Person | undefined> {
    const ended = this.#ended;
    const expiresAt = await this.#backend.check(login);
    if (expiresAt <= this.#now()) return undefined;
    if (ended !== this.#ended) return operator;
    if (this.#validLogins.size >= maxCachedLogins) this.#validLogins.clear();
    const { cacheMs = Number.POSITIVE_INFINITY } = this.#options;
    this.#validLogins.set(login, Math.min(expiresAt, this.#now() + cacheMs));
    return operator;
  }

  async #nameCookie(): Promise<string> {
    const { identity } = this.#options;
    if (this.#cookieName === undefined && typeof identity !== "string")
      this.#cookieName = nameOfCookie(await identity());
    return this.#cookieName ?? "";
  }
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
