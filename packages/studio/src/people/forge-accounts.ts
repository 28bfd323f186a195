import type { ClientBase } from "@holdfast/client";
import { isErrorCode, isHoldfastError, type Logger } from "@holdfast/core";
import type { ForgeKind } from "../forges/forge.ts";
import type { PeopleActors } from "./actors/people-actors.ts";
import type { Row } from "./actors/where.ts";

/** An account at a forge that a person has signed in with. */
export interface SignedInAccount {
  readonly forge: ForgeKind;
  /** Base of the forge's API. */
  readonly server: string;
  readonly login: string;
}

export interface ForgeAccountsOptions {
  readonly actors: PeopleActors;
  readonly client: () => ClientBase;
  readonly log: Logger;
}

/** Accounts at forges that sign-ins have proven: kept with the person, and told to each of their organizations. */
export class ForgeAccounts {
  readonly #options: ForgeAccountsOptions;

  constructor(options: ForgeAccountsOptions) {
    this.#options = options;
  }

  /** A person has signed in with an account, or connected it. Its login may be another one than the last time. */
  async signedIn(person: string, account: SignedInAccount): Promise<void> {
    const { actors } = this.#options;
    const [known] = await this.#rows(person, account.server);
    if (known?.["login"] === account.login && known["told"] === 1) return;
    const { server, forge, login } = account;
    await this.#remove(person, server);
    await actors.user(person, "insert", "forge_account", { server, forge, login, told: 0 });
    await this.#tellAll(person, account);
  }

  /** The person opens the Studio: tells the organizations what one of them could not hear before. */
  async tellAgain(person: string): Promise<void> {
    for (const { server, forge, login, told } of await this.#rows(person))
      if (told !== 1)
        await this.#tellAll(person, {
          server: String(server),
          forge: forge as ForgeKind,
          login: String(login),
        });
  }

  async #tellAll(person: string, account: SignedInAccount): Promise<void> {
    const told: boolean[] = [];
    for (const id of await this.#organizationsOf(person))
      told.push(await this.#tell(id, "accountProven", { person, ...account }));
    if (told.every(Boolean)) await this.#note(person, account.server, 1);
  }

  /** A person has disconnected their account at a provider: what they proved by comments elsewhere stays. */
  async disconnected(person: string, provider: string): Promise<void> {
    for (const { server, forge } of await this.#rows(person)) {
      if (forge !== provider || typeof server !== "string") continue;
      await this.#remove(person, server);
      for (const id of await this.#organizationsOf(person))
        await this.#tell(id, "accountsEnded", person, server);
    }
  }

  /** A person has become a member. */
  async joined(person: string, organization: string): Promise<void> {
    for (const { server, forge, login } of await this.#rows(person)) {
      const isTold = await this.#tell(organization, "accountProven", { person, server, forge, login });
      if (!isTold) await this.#note(person, String(server), 0);
    }
  }

  /** A person is no member any more. */
  async left(person: string, organization: string): Promise<void> {
    await this.#tell(organization, "accountsEnded", person);
  }

  #rows(person: string, server?: string): Promise<readonly Row[]> {
    return this.#options.actors.knownUser<readonly Row[]>(
      person,
      [],
      "find",
      "forge_account",
      whereOf(server),
    );
  }

  #remove(person: string, server: string): Promise<readonly Row[]> {
    return this.#options.actors.knownUser<readonly Row[]>(
      ...([person, [], "remove", "forge_account", whereOf(server)] as const),
    );
  }

  async #organizationsOf(person: string): Promise<readonly string[]> {
    const { actors } = this.#options;
    const noted = await actors.knownUser<readonly Row[]>(person, [], "find", "organization", []);
    const found: string[] = [];
    for (const { id } of noted) if ((await actors.role(String(id), person)) !== null) found.push(String(id));
    return found;
  }

  /** Keeps whether all organizations have heard of the account. */
  async #note(person: string, server: string, told: 0 | 1): Promise<void> {
    await this.#options.actors.user(person, "update", "forge_account", whereOf(server), { told });
  }

  /** False if the organization was not told: that ends no sign-in, and {@link tellAgain} repeats it. */
  async #tell(organization: string, name: string, ...args: readonly unknown[]): Promise<boolean> {
    try {
      await this.#options
        .client()
        .getOrCreate("attention", [organization])
        .action({ name: `internal.${name}`, args: [...args] });
      return true;
    } catch (error) {
      if (isErrorCode(error, "organization", "not_found")) return true;
      if (!isHoldfastError(error)) throw error;
      this.#options.log.warn("an account at a forge was not linked", { organization, error });
      return false;
    }
  }
}

function whereOf(server: string | undefined) {
  return server === undefined ? [] : [{ column: "server", operator: "eq", value: server }];
}
