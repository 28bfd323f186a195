import type { ClientBase } from "@holdfast/client";
import { isErrorCode } from "@holdfast/core";
import { localOrganization } from "../../access/organization-ids.ts";
import type { Role } from "../../access/roles.ts";
import { organizationNotFound } from "../../backend/organizations/existing.ts";
import type { AttemptAnswer, AttemptCounter } from "../auth/attempts.ts";
import { sha256 } from "../hash.ts";
import { createAccessChangesActor } from "./access-changes.ts";
import type { PeopleHost } from "./host.ts";
import { createMembersActor } from "./members.ts";
import { createSignInAttemptsActor } from "./sign-in-attempts.ts";
import { createUniqueIndexActor, type IndexEntry, type IndexKind } from "./unique-index.ts";
import { createUserActor } from "./user.ts";
import { createVerificationActor } from "./verification.ts";

/** The actors of people, keyed by their names. Clients cannot reach them. */
export function createPeopleActors(host: PeopleHost) {
  return {
    user: createUserActor(host),
    uniqueIndex: createUniqueIndexActor(host),
    verification: createVerificationActor(host),
    members: createMembersActor(host),
    accessChanges: createAccessChangesActor(),
    signInAttempts: createSignInAttemptsActor(host),
  };
}

/** Their names. */
export const peopleActorNames = [
  ...["user", "uniqueIndex", "verification", "members", "accessChanges", "signInAttempts"],
];

/** Calls the internal actions of the actors of people, over the client of the process. */
export class PeopleActors {
  readonly #client: () => ClientBase;

  constructor(client: () => ClientBase) {
    this.#client = client;
  }

  /** Creates the actor of a person, who has no rows yet. */
  async createUser(id: string): Promise<void> {
    await this.#client().getOrCreate("user", [id]).resolve();
  }

  /** Throws `actor.not_found` for a person who does not exist: no call creates one. */
  user<Result>(id: string, action: string, ...args: readonly unknown[]): Promise<Result> {
    return this.#client()
      .get("user", [id])
      .action<Result>({ name: `internal.${action}`, args });
  }

  /** As `user`, with `fallback` as the answer of a person who does not exist. */
  async knownUser<Result>(
    id: string,
    fallback: Result,
    action: string,
    ...args: readonly unknown[]
  ): Promise<Result> {
    try {
      return await this.user<Result>(id, action, ...args);
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return fallback;
      throw error;
    }
  }

  verification<Result>(hash: string, action: string, ...args: readonly unknown[]): Promise<Result> {
    return this.#getOrCreate("verification", [hash], action, args);
  }

  /** The role of a person; null for one who is no member, and in an organization that does not exist. */
  async role(organization: string, person: string): Promise<Role | null> {
    try {
      return await this.#client()
        .get("members", [organization])
        .action<Role | null>({ name: "internal.role", args: [person] });
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found") || isErrorCode(error, "actor", "key_too_long"))
        return null;
      throw error;
    }
  }

  /** Creates the list of the members of an organization. */
  async createMembers(organization: string): Promise<void> {
    await this.#client().getOrCreate("members", [organization]).resolve();
  }

  /** Throws `organization.not_found`. The first organization always exists. */
  async members<Result>(organization: string, action: string, ...args: readonly unknown[]): Promise<Result> {
    if (organization === localOrganization) return this.#getOrCreate("members", [organization], action, args);
    try {
      return await this.#client()
        .get("members", [organization])
        .action<Result>({ name: `internal.${action}`, args });
    } catch (error) {
      throw isErrorCode(error, "actor", "not_found") ? organizationNotFound() : error;
    }
  }

  /** As `members`, with `fallback` as the answer of an organization that does not exist. */
  async knownMembers<Result>(
    organization: string,
    fallback: Result,
    action: string,
    ...args: readonly unknown[]
  ): Promise<Result> {
    try {
      return await this.members<Result>(organization, action, ...args);
    } catch (error) {
      if (isErrorCode(error, "organization", "not_found")) return fallback;
      throw error;
    }
  }

  /** Tells all nodes that the rights of a person may have changed. */
  announce(person: string): Promise<void> {
    return this.#getOrCreate("accessChanges", ["local"], "announce", [person]);
  }

  /** Counts the attempts at all nodes. */
  readonly attempts: AttemptCounter = {
    consume: (sender, rule) => {
      const hash = sha256(sender);
      const args = [hash, rule];
      return this.#getOrCreate<AttemptAnswer>("signInAttempts", [hash.slice(0, 2)], "consume", args);
    },
  };

  index<Result>(
    kind: IndexKind,
    value: string,
    action: string,
    ...args: readonly unknown[]
  ): Promise<Result> {
    return this.#getOrCreate("uniqueIndex", [kind, sha256(value)], action, args);
  }

  /** Who has a unique value, without creating anything. */
  async indexEntry(kind: IndexKind, value: string): Promise<IndexEntry | undefined> {
    try {
      const entry = await this.#client()
        .get("uniqueIndex", [kind, sha256(value)])
        .action<IndexEntry | null>({ name: "internal.entry", args: [] });
      return entry ?? undefined;
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return undefined;
      throw error;
    }
  }

  #getOrCreate<Result>(
    name: string,
    key: readonly string[],
    action: string,
    args: readonly unknown[],
  ): Promise<Result> {
    return this.#client()
      .getOrCreate(name, [...key])
      .action<Result>({ name: `internal.${action}`, args });
  }
}
