import { randomUUID } from "node:crypto";
import { type Clock, HoldfastError } from "@holdfast/core";
import { isSecretName, secretNameRule } from "./secret-name.ts";

/** Whom a jail or a plugin works for, as the host says, never the jail. */
export interface Principal {
  readonly session?: string;
  readonly agent?: string;
  readonly user?: string;
  readonly organization?: string;
}

/** The owner of a secret: a user or an organisation; the host where neither is given. */
export interface SecretOwner {
  readonly user?: string;
  readonly organization?: string;
}

/** Permission of a principal to use a secret for these requests only. */
export interface Grant {
  readonly id: string;
  /** Every field that is given must match. At least one is given. */
  readonly principal: Principal;
  readonly secret: string;
  /** Owner of the secret. */
  readonly owner: SecretOwner;
  /** Host name, with the port where it is not the scheme's own. */
  readonly host: string;
  /** Prefix of the path, by complete segments. */
  readonly pathPrefix: string;
  readonly methods: readonly string[];
  /** Milliseconds since the epoch; without it, the grant lasts until it is revoked. */
  readonly expiresAt?: number;
}

/** A request that needs a secret. */
export interface SecretUse {
  readonly principal: Principal;
  readonly host: string;
  readonly path: string;
  readonly method: string;
}

const maxGrants = 10_000;
const principalKeys = ["session", "agent", "user", "organization"] as const;

function invalid(message: string): HoldfastError {
  return new HoldfastError("vault", "invalid_grant", message, { statusCode: 400 });
}

/** Keeps the grants of a vault. */
export interface GrantStore {
  /** All grants, or those that have not expired. */
  all(): Promise<readonly Grant[]>;
  /** Throws what `check` throws about the number of grants that there are. */
  add(grant: Grant, check: (count: number) => void): Promise<void>;
  /** Returns whether there was one. */
  remove(id: string): Promise<boolean>;
}

/** The grants of a vault: valid ones only, and who may use what by them. */
export class Grants {
  readonly #store: GrantStore;
  readonly #clock: Clock;

  constructor(store: GrantStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The grants that have not expired. */
  async list(): Promise<readonly Grant[]> {
    return unexpired(await this.#store.all(), this.#clock);
  }

  /** Adds a grant, with a new id. Throws `vault.invalid_grant`. */
  async add(grant: Omit<Grant, "id">): Promise<Grant> {
    if (!principalKeys.some((key) => grant.principal[key] !== undefined))
      throw invalid("A grant must name at least one of session, agent, user and organization");
    if (!isSecretName(grant.secret)) throw invalid(`A grant must name a secret: ${secretNameRule}`);
    if (!/^[a-z0-9.[\]:-]{1,260}$/.test(grant.host))
      throw invalid("A grant must name one host, in lower case");
    if (!grant.pathPrefix.startsWith("/")) throw invalid("The path of a grant must begin with a slash");
    if (grant.methods.length === 0 || !grant.methods.every((method) => /^[A-Z]{1,20}$/.test(method)))
      throw invalid("A grant must name methods, in upper case");
    const added: Grant = { ...grant, id: randomUUID() };
    await this.#store.add(added, (count) => {
      if (count >= maxGrants) throw invalid(`There are ${maxGrants} grants already. Revoke some first`);
    });
    return added;
  }

  remove(id: string): Promise<boolean> {
    return this.#store.remove(id);
  }

  /** The grant that covers a use of the secret. Throws `vault.not_granted`. */
  async find(secret: string, use: SecretUse): Promise<Grant> {
    const found = (await this.list()).find((grant) => grant.secret === secret && covers(grant, use));
    if (found !== undefined) return found;
    throw new HoldfastError(
      "vault",
      "not_granted",
      `No grant lets this session use the secret ${secret} for ${use.method} ${use.host}`,
      { statusCode: 403 },
    );
  }
}

/** The grants that have not expired. */
export function unexpired(grants: readonly Grant[], clock: Clock): readonly Grant[] {
  const now = clock.now();
  return grants.filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
}

function covers({ principal, owner, host, pathPrefix, methods }: Grant, use: SecretUse): boolean {
  if (host !== use.host || !methods.includes(use.method)) return false;
  // A user's secret is used for that user only, even if others were granted it.
  if (owner.user !== undefined && owner.user !== use.principal.user) return false;
  if (owner.organization !== undefined && owner.organization !== use.principal.organization) return false;
  const below = pathPrefix.endsWith("/") ? pathPrefix : `${pathPrefix}/`;
  if (use.path !== pathPrefix && !use.path.startsWith(below)) return false;
  return principalKeys.every((key) => principal[key] === undefined || principal[key] === use.principal[key]);
}
