import type { ClientBase } from "@holdfast/client";
import { isErrorCode, isHoldfastError, type Logger } from "@holdfast/core";
import type { PeopleActors } from "./actors/people-actors.ts";
import type { SignedInAccount, UntoldAccount } from "./actors/user-forge-accounts.ts";

export interface ForgeAccountsOptions {
  readonly actors: PeopleActors;
  readonly client: () => ClientBase;
  readonly log: Logger;
}

/**
 * Accounts at forges that sign-ins have proven: kept with the person, and told to each of their organizations. What is to
 * be told is kept with the change; the person's actor tells again what could not be heard.
 */
export class ForgeAccounts {
  readonly #options: ForgeAccountsOptions;

  constructor(options: ForgeAccountsOptions) {
    this.#options = options;
  }

  /** A person has signed in with an account, or connected it. */
  async signedIn(person: string, account: SignedInAccount): Promise<void> {
    await this.#options.actors.user(person, "proveForgeAccount", account);
    await this.tell(person);
  }

  /** A person has disconnected their account at a provider: what they proved by comments elsewhere stays. */
  async disconnected(person: string, provider: string): Promise<void> {
    await this.#options.actors.knownUser(person, undefined, "endForgeAccounts", provider);
    await this.tell(person);
  }

  /** A person has become a member. */
  async joined(person: string, organization: string): Promise<void> {
    await this.#options.actors.user(person, "noteForgeAccounts", organization);
    await this.tell(person);
  }

  /** A person is about to be no member any more; {@link tell} follows. If they stay one, nothing is told. */
  async leaving(person: string, organization: string): Promise<void> {
    await this.#options.actors.knownUser(person, undefined, "noteForgeEnd", organization);
  }

  /** Tells organizations what they are still to hear. One that cannot hear now ends no sign-in, and hears later. */
  async tell(person: string): Promise<void> {
    const { actors } = this.#options;
    const untold = await actors.knownUser<readonly UntoldAccount[]>(person, [], "untoldAccounts");
    for (const each of untold)
      if (await this.#tell(person, each)) await actors.knownUser(person, undefined, "toldOrganization", each);
  }

  async #tell(person: string, news: UntoldAccount): Promise<boolean> {
    const { actors, client } = this.#options;
    const { organization, server } = news;
    try {
      const isMember = (await actors.role(organization, person)) !== null;
      const call = callOf(person, isMember, news);
      if (call !== undefined) await client().getOrCreate("attention", [organization]).action(call);
      // They could not leave: what was still to be told before is.
      else if (isMember && server === "") await actors.user(person, "noteForgeAccounts", organization);
      return true;
    } catch (error) {
      if (isErrorCode(error, "organization", "not_found")) return true;
      if (!isHoldfastError(error)) throw error;
      this.#options.log.warn("an organization was not told of an account at a forge", {
        organization,
        error,
      });
      return false;
    }
  }
}

/** The call that tells how things are now; undefined if there is nothing to tell. */
function callOf(person: string, isMember: boolean, { server, forge, login }: UntoldAccount) {
  const ended = (...which: readonly string[]) => ({
    name: "internal.accountsEnded",
    args: [person, ...which],
  });
  if (server === "") return isMember ? undefined : ended();
  if (login === null) return ended(server);
  return isMember ? { name: "internal.accountProven", args: [{ person, server, forge, login }] } : undefined;
}
