/** Routes beside the actors: sign-in, webhooks, sandboxes, static files. */
import { createHash, randomBytes } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { AccessInfo, ManageInfo } from "@holdfast/server";

/** The durable side: the `access` actor. Everything that it is given is a hash. */
export interface AccessBackend {
  addTicket(ticket: string): Promise<void>;
  exchange(ticket: string, login: string): Promise<{ readonly expiresAt: number }>;
  check(login: string): Promise<number>;
  end(login: string): Promise<void>;
}

const maxKnown = 1_000;

/**
 * Who may use the Studio over the network: whoever has the cookie that a one-time ticket was exchanged
 * for. Nobody reaches what the Studio keeps for itself: actions under `internal`, the `access` actor,
 * and the making of tasks and sessions.
 */
export class Access {
  readonly cookieName: string;
  readonly #backend: AccessBackend;
  readonly #now: () => number;
  /** Logins that were found valid, with their end, so that a request need not wake the actor. */
  readonly #known = new Map<string, number>();

  /** `identity` tells two Studios on one host apart, whose cookies the browser would mix otherwise. */
  constructor(backend: AccessBackend, identity: string, now: () => number) {
    this.#backend = backend;
    this.#now = now;
    this.cookieName = `holdfast-${hashOf(identity).slice(0, 8)}`;
  }

  async issueTicket(): Promise<string> {
    const ticket = randomBytes(32).toString("base64url");
    await this.#backend.addTicket(hashOf(ticket));
    return ticket;
  }

  /** Returns the value of a `Set-Cookie` header. Throws `auth.invalid_ticket`. */
  async exchange(ticket: string): Promise<string> {
    const secret = randomBytes(32).toString("base64url");
    const { expiresAt } = await this.#backend.exchange(hashOf(ticket), hashOf(secret));
    const maxAge = Math.floor((expiresAt - this.#now()) / 1000);
    return `${this.cookieName}=${secret}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Strict`;
  }

  /** Ends the login of a request, so that it takes no room from others. Throws `auth.unauthorized`. */
  async end(info: { header(name: string): string | undefined }): Promise<void> {
    await this.owner(info);
    const login = hashOf(cookieOf(info.header("cookie"), this.cookieName) ?? "");
    this.#known.delete(login);
    await this.#backend.end(login);
  }

  /** The gateway's hook. Throws `auth.unauthorized`, `auth.forbidden`. */
  readonly admit = (info: AccessInfo): Promise<void> | void => {
    const asked = this.#identify(info);
    return asked === undefined ? requireOpen(info) : asked.then(() => requireOpen(info));
  };

  /**
   * Whoever is logged in owns the server, and may look into everything. What describes the API and what
   * counts its use tell nothing of what is in an actor: programs on this machine, such as a scraper of
   * metrics, may read them as they are. Throws `auth.unauthorized`.
   */
  readonly manage = (info: ManageInfo): Promise<void> | void => {
    const isPublic = info.kind === "documents" || info.kind === "metrics";
    if (!isPublic || !info.isLocal) return this.#identify(info);
  };

  /** Whoever is logged in, for what the Studio serves beside its actors. Throws `auth.unauthorized`. */
  readonly owner = (info: { header(name: string): string | undefined }): Promise<void> | void =>
    this.#identify(info);

  #identify(info: { header(name: string): string | undefined }): Promise<void> | undefined {
    const secret = cookieOf(info.header("cookie"), this.cookieName);
    if (secret === undefined) throw unauthorized();
    const login = hashOf(secret);
    return (this.#known.get(login) ?? 0) > this.#now() ? undefined : this.#ask(login);
  }

  async #ask(login: string): Promise<void> {
    const expiresAt = await this.#backend.check(login);
    if (expiresAt <= this.#now()) throw unauthorized();
    if (this.#known.size >= maxKnown) this.#known.clear();
    this.#known.set(login, expiresAt);
  }
}

function requireOpen(info: AccessInfo): void {
  const { kind, actor, action } = info;
  const made = actor === "organization" || actor === "group";
  const open = made || actor === "task" || actor === "session";
  const internal = action === "internal" || action?.startsWith("internal.") === true;
  if (open && !internal && (kind !== "create" || made)) return;
  throw new HoldfastError("auth", "forbidden", "Only the Studio itself may do this");
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

function cookieOf(header: string | undefined, name: string): string | undefined {
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
    'Not signed in: open the link that "npx holdfast url" prints',
  );
}
