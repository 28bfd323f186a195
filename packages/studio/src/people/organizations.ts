import type { Readable } from "node:stream";
import type { ClientBase } from "@holdfast/client";
import { HoldfastError, isErrorCode, isHoldfastError, type Logger } from "@holdfast/core";
import { localOrganization, newOrganizationId, personalKey } from "../access/organization-ids.ts";
import type { Person } from "../access/person.ts";
import { isAtLeast, type Role } from "../access/roles.ts";
import type { DirectoryEntry, NewOrganization } from "../backend/organizations/directory.ts";
import { directoryKey } from "../backend/organizations/existing.ts";
import type { ValueTokens } from "../backend/value-tokens.ts";
import type { RunningNodes } from "../cluster/other-nodes.ts";
import type { ImportedOrganization, OrganizationDetails, OrganizationSummary } from "../contract/people.ts";
import { studioLimits } from "../limits.ts";
import { invalidArchive, packArchive, readArchive } from "../portability/archive.ts";
import { exportEntries } from "../portability/export.ts";
import { OrganizationImport } from "../portability/import.ts";
import type { PeopleActors } from "./actors/people-actors.ts";
import type { Row } from "./actors/where.ts";
import type { ForgeAccounts } from "./forge-accounts.ts";
import { inviteFormer } from "./former-members.ts";

export interface OrganizationsOptions {
  readonly actors: PeopleActors;
  readonly client: () => ClientBase;
  readonly forgeAccounts: ForgeAccounts;
  /** Removes what the nodes have on disk for an organization besides its tasks and repositories. */
  readonly removeFiles: (organization: string) => Promise<void>;
  readonly valueTokens: () => ValueTokens;
  /** This node and those that run beside it; undefined on a single node. */
  readonly nodes: () => RunningNodes | undefined;
  readonly newId: () => string;
  readonly now: () => number;
  readonly log: Logger;
}

/** Creates, lists and deletes organizations. The first one always exists, and is never deleted. */
export class Organizations {
  readonly #options: OrganizationsOptions;
  readonly #deletions = new Map<string, Promise<void>>();
  #isClosing = false;

  constructor(options: OrganizationsOptions) {
    this.#options = options;
  }

  /** The organizations of a person; all of them for the operator. */
  async list(person: Person): Promise<readonly OrganizationSummary[]> {
    const found: OrganizationSummary[] = [];
    for (const { id, name, status } of await this.#directory<readonly DirectoryEntry[]>("list")) {
      if (status !== "active") continue;
      const role = person.isOperator ? "owner" : await person.roleIn(id);
      if (role !== undefined) found.push({ id, name, role });
    }
    return found;
  }

  /** Throws `organization.not_found`. */
  async details(person: Person, id: string): Promise<OrganizationDetails> {
    const { name } = await this.#directory<DirectoryEntry>("require", id);
    const role: Role = person.isOperator ? "owner" : ((await person.roleIn(id)) ?? "viewer");
    const [contents, schedules, members] = await Promise.all([
      this.#call<Pick<OrganizationDetails, "tasks" | "activeTasks" | "repositories">>(
        ...(["organization", [id], "internal.contents"] as const),
      ),
      this.#call<readonly unknown[]>("schedules", [id], "list"),
      this.#options.actors.members<readonly unknown[]>(id, "list"),
    ]);
    return {
      ...{ id, name, role, ...contents, schedules: schedules.length, members: members.length },
      isFirst: id === localOrganization,
    };
  }

  /** Name of an organization. Throws `organization.not_found`. */
  async nameOf(id: string): Promise<string> {
    return (await this.#directory<DirectoryEntry>("require", id)).name;
  }

  /**
   * Creates an organization, whose owner is the person; the operator invites one. Throws `organization.may_not_create`,
   * `organization.too_many`.
   */
  async create(person: Person, name: string): Promise<OrganizationSummary> {
    if (!person.isOperator) await this.#requireCreator(person);
    const id = newOrganizationId();
    await this.#directory("add", { id, name, createdBy: person.id } satisfies NewOrganization);
    const { actors } = this.#options;
    await actors.createMembers(id);
    if (!person.isOperator) await this.#found(person, id);
    await this.#options.client().getOrCreate("organization", [id]).resolve();
    return { id, name, role: "owner" };
  }

  /** Makes a person the owner of a new organization. */
  async #found(person: Person, id: string): Promise<void> {
    const { actors } = this.#options;
    const [user] = await actors.user<readonly Row[]>(person.id, "find", "user", []);
    const owner = { person: person.id, name: String(user?.["name"]), email: String(user?.["email"]) };
    await actors.user(person.id, "noteOrganization", id);
    await actors.members(id, "found", owner);
    await this.#options.forgeAccounts.joined(person.id, id);
  }

  /** Whoever may start work somewhere may create an organization. */
  async #requireCreator(person: Person): Promise<void> {
    const own = await this.list(person);
    const { maxOrganizationsPerPerson } = studioLimits;
    if (!own.some(({ role }) => isAtLeast(role, "member"))) {
      const message = "Only members, admins and owners of an organization can create another one.";
      throw new HoldfastError("organization", "may_not_create", message, { statusCode: 403 });
    }
    if (own.filter(({ role }) => role === "owner").length < maxOrganizationsPerPerson) return;
    const message = `You own ${maxOrganizationsPerPerson} organizations, the maximum. Delete one, or hand it over.`;
    throw new HoldfastError("organization", "too_many", message, { statusCode: 409 });
  }

  /** The archive of an organization, as it is read. Throws `organization.not_found`. */
  async export(id: string): Promise<{ readonly name: string; readonly archive: Readable }> {
    const name = await this.nameOf(id);
    const { client, now, actors } = this.#options;
    const members = (organization: string) => actors.members<unknown>(organization, "list");
    return { name, archive: packArchive(exportEntries({ client, now, members }, { id, name })) };
  }

  /**
   * Creates an organization from an archive: all of it, or nothing. Throws `organization.invalid_archive`,
   * `organization.may_not_create`, `organization.too_many`.
   */
  async import(person: Person, name: string, archive: Readable): Promise<ImportedOrganization> {
    if (!person.isOperator) await this.#requireCreator(person);
    const id = newOrganizationId();
    const { client, actors, valueTokens, now } = this.#options;
    const node = this.#options.nodes()?.own;
    await this.#directory("add", {
      id,
      name,
      createdBy: person.id,
      isImport: true,
      ...(node === undefined ? {} : { importedBy: node }),
    } satisfies NewOrganization);
    try {
      await actors.createMembers(id);
      const filling = new OrganizationImport({
        ...{ client, valueTokens, newId: () => this.#options.newId(), organization: id, person },
        invite: (email, role) => inviteFormer(actors, id, { email, role, by: person.id, now: now() }),
      });
      for await (const entry of readArchive(archive)) await filling.take(entry);
      await filling.finish();
      if (!person.isOperator) await this.#found(person, id);
      await this.#directory("endImport", id);
      return { id, name, role: "owner", report: filling.report };
    } catch (error) {
      await this.#directory("beginDeletion", id);
      await this.#complete(id);
      throw error instanceof HoldfastError || isHoldfastError(error)
        ? error
        : invalidArchive("a part of it is not valid");
    }
  }

  /** Throws `organization.not_found`. */
  rename(id: string, name: string): Promise<void> {
    return this.#directory("rename", id, name);
  }

  /**
   * Deletes an organization: its people have no access any more, its work stops, and everything of it is removed. Resolves
   * when that is done; a start after a crash completes it. Throws `organization.first`, `.not_found`, `.name_differs`.
   */
  async delete(id: string, typedName: string): Promise<void> {
    if (id === localOrganization) {
      const message = "The first organization of a server cannot be deleted.";
      throw new HoldfastError("organization", "first", message, { statusCode: 409 });
    }
    if ((await this.nameOf(id)) !== typedName) {
      const message = "This is not the name of the organization. Type it exactly as it is.";
      throw new HoldfastError("organization", "name_differs", message, { statusCode: 409 });
    }
    await this.#directory("beginDeletion", id);
    await this.#complete(id);
  }

  /**
   * Completes the deletions that the last process left unfinished, in the background. Called before this process imports
   * anything: an import of this node is one that was cut off.
   */
  async resume(): Promise<void> {
    const others = this.#options.nodes()?.others ?? [];
    for (const { id, status, importedBy } of await this.#directory<readonly DirectoryEntry[]>("list")) {
      if (status === "importing" && importedBy !== undefined && others.includes(importedBy)) continue;
      // All of an import, or nothing.
      if (status === "importing") await this.#directory("beginDeletion", id);
      if (status === "importing" || status === "deleting")
        void this.#complete(id).catch((error: unknown) => {
          if (!this.#isClosing)
            this.#options.log.error("could not delete an organization", { organization: id, error });
        });
    }
  }

  /** Resolves when no deletion runs any more. The next start continues one that fails now. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await Promise.allSettled(this.#deletions.values());
  }

  #complete(id: string): Promise<void> {
    const running = this.#deletions.get(id);
    if (running !== undefined) return running;
    const work = this.#removeAll(id).finally(() => this.#deletions.delete(id));
    this.#deletions.set(id, work);
    return work;
  }

  /** Each step can be repeated. The list of people goes last: it says whose things there are. */
  async #removeAll(id: string): Promise<void> {
    const { actors } = this.#options;
    const members = await actors.knownMembers<readonly string[]>(id, [], "close");
    await this.#erase("schedules", [id]);
    await this.#callKnown("organization", [id], "internal.empty");
    const people = new Set(members);
    const known = await this.#callKnown<readonly string[]>("attention", [id], "internal.people");
    for (const person of known ?? []) people.add(person);
    for (const person of people) {
      const key = personalKey(id, person);
      for (const actor of ["notifications", "inbox", "drafts"]) await this.#erase(actor, key);
      await actors.knownUser(person, undefined, "forgetOrganization", id);
    }
    for (const actor of ["attention", "usage", "billing", "administration", "organization"])
      await this.#erase(actor, [id]);
    await this.#options.removeFiles(id);
    await actors.knownMembers(id, undefined, "erase");
    await this.#directory("endDeletion", id);
  }

  async #erase(actor: string, key: readonly string[]): Promise<void> {
    await this.#callKnown(actor, key, "internal.erase");
  }

  /** Undefined for an actor that does not exist. */
  async #callKnown<Result>(actor: string, key: readonly string[], name: string): Promise<Result | undefined> {
    try {
      return await this.#options
        .client()
        .get(actor, [...key])
        .action<Result>({ name, args: [] });
    } catch (error) {
      if (isErrorCode(error, "actor", "not_found")) return undefined;
      throw error;
    }
  }

  #call<Result>(actor: string, key: readonly string[], name: string): Promise<Result> {
    return this.#options
      .client()
      .getOrCreate(actor, [...key])
      .action<Result>({ name, args: [] });
  }

  #directory<Result>(action: string, ...args: readonly unknown[]): Promise<Result> {
    return this.#options
      .client()
      .getOrCreate("organizations", [...directoryKey])
      .action<Result>({ name: `internal.${action}`, args: [...args] });
  }
}
