import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type Clock, HoldfastError } from "@holdfast/core";
import { parseJson, readIfPresent, readIfPresentSync, writePrivateFileSync } from "./credential-file.ts";
import { changeExclusively } from "./exclusive-change.ts";
import { isSecretName, secretNameRule } from "./secret-name.ts";

/** Whom the host says a jail or a plugin works for. Never what a jail says of itself. */
export interface Principal {
  readonly session?: string;
  readonly agent?: string;
  readonly user?: string;
  readonly organization?: string;
}

/** Whose secret it is: of the host, of a user, or of an organisation. */
export interface SecretOwner {
  readonly user?: string;
  readonly organization?: string;
}

/** Lets a principal use a secret, there and for that only. */
export interface Grant {
  readonly id: string;
  /** Every part that is given must be the principal's. At least one is. */
  readonly principal: Principal;
  readonly secret: string;
  /** The host's own where it names nobody. */
  readonly owner: SecretOwner;
  /** Host name, with the port where it is not the scheme's own. */
  readonly host: string;
  /** By whole segments, below the root of the host. */
  readonly pathPrefix: string;
  readonly methods: readonly string[];
  /** Milliseconds since the epoch; without it, until revoked. */
  readonly expiresAt?: number;
}

/** One request that wants a secret. */
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

/** The grants of a vault, in a private file, which commands and a running gate share. */
export class Grants {
  readonly #directory: string;
  readonly #path: string;
  readonly #clock: Clock;

  constructor(directory: string, clock: Clock) {
    this.#directory = directory;
    this.#path = join(directory, "grants.json");
    this.#clock = clock;
  }

  /** Those that are in force. */
  async list(): Promise<readonly Grant[]> {
    return this.#inForce(await readIfPresent(this.#path));
  }

  #inForce(content: Buffer | undefined): readonly Grant[] {
    if (content === undefined) return [];
    const { version, grants } = parseJson(content.toString("utf8")) ?? {};
    if (version !== 1 || !Array.isArray(grants)) {
      throw new HoldfastError(
        "vault",
        "damaged",
        "The vault cannot be read: its grants are not of version 1",
        {
          statusCode: 500,
        },
      );
    }
    const now = this.#clock.now();
    return (grants as Grant[]).filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
  }

  /** Throws `vault.invalid_grant`. */
  async add(grant: Omit<Grant, "id">): Promise<Grant> {
    if (!principalKeys.some((key) => grant.principal[key] !== undefined))
      throw invalid("A grant names at least one of session, agent, user and organization");
    if (!isSecretName(grant.secret))
      throw invalid(`A grant is for a secret, whose name is ${secretNameRule}`);
    if (!/^[a-z0-9.[\]:-]{1,260}$/.test(grant.host)) throw invalid("A grant names one host, in lower case");
    if (!grant.pathPrefix.startsWith("/")) throw invalid("The path of a grant begins with a slash");
    if (grant.methods.length === 0 || !grant.methods.every((method) => /^[A-Z]{1,20}$/.test(method)))
      throw invalid("A grant names methods in upper case");
    const added: Grant = { ...grant, id: randomUUID() };
    this.#change((grants) => {
      if (grants.length >= maxGrants) throw invalid(`There are ${maxGrants} grants already`);
      return [...grants, added];
    });
    return added;
  }

  async remove(id: string): Promise<boolean> {
    // Where it is not, nothing is made.
    const isThere = (await this.list()).some((each) => each.id === id);
    return isThere && this.#change((grants) => grants.filter((each) => each.id !== id));
  }

  /** The grant that lets this use have the secret. Throws `vault.not_granted`. */
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

  /** True when there are more or fewer than before. */
  #change(change: (grants: readonly Grant[]) => readonly Grant[]): boolean {
    return changeExclusively(this.#directory, () => {
      const before = this.#inForce(readIfPresentSync(this.#path));
      const grants = change(before);
      writePrivateFileSync(this.#path, JSON.stringify({ version: 1, grants }));
      return grants.length !== before.length;
    });
  }
}

function covers({ principal, owner, host, pathPrefix, methods }: Grant, use: SecretUse): boolean {
  if (host !== use.host || !methods.includes(use.method)) return false;
  // What is a user's own is used for that user alone, whoever was granted.
  if (owner.user !== undefined && owner.user !== use.principal.user) return false;
  if (owner.organization !== undefined && owner.organization !== use.principal.organization) return false;
  const below = pathPrefix.endsWith("/") ? pathPrefix : `${pathPrefix}/`;
  if (use.path !== pathPrefix && !use.path.startsWith(below)) return false;
  return principalKeys.every((key) => principal[key] === undefined || principal[key] === use.principal[key]);
}
