import { HoldfastError } from "@holdfast/core";
import { localOrganization } from "../../access/organization-ids.ts";
import { operator, type Person } from "../../access/person.ts";
import type { PeopleActors } from "../actors/people-actors.ts";
import type { Row } from "../actors/where.ts";
import type { Auth } from "../auth/auth.ts";
import type { ForgeAccounts } from "../forge-accounts.ts";
import type { People } from "../people.ts";
import { accountValue, emailValue, UniqueValues } from "../unique-values.ts";
import type { SignInAttempt } from "./attempt-cookie.ts";
import type { Provider, ProviderProfile } from "./provider.ts";

export interface ProviderAccountsOptions {
  readonly actors: PeopleActors;
  readonly people: People;
  readonly forgeAccounts: ForgeAccounts;
  readonly auth: () => Auth;
  /** Whoever has a verified address in one of these domains may join as a member. */
  readonly domains: () => Promise<readonly string[]>;
}

/** Which person an account at a provider belongs to, and who may join with one. */
export class ProviderAccounts {
  readonly #options: ProviderAccountsOptions;
  readonly #unique: UniqueValues;

  constructor(options: ProviderAccountsOptions) {
    this.#options = options;
    this.#unique = new UniqueValues(options.actors);
  }

  /**
   * The person who signs in. One who is new joins, and needs an invitation or an allowed domain: an account with the same
   * address is nobody's proof. Throws `people.provider_*`, `invitation.*`, `member.*`.
   */
  async personFor(
    provider: Provider,
    profile: ProviderProfile,
    attempt: SignInAttempt,
    signedIn: Person | undefined,
  ): Promise<string> {
    const person = await this.#personFor(provider, profile, attempt, signedIn);
    if (profile.forgeAccount !== undefined)
      await this.#options.forgeAccounts.signedIn(person, profile.forgeAccount);
    return person;
  }

  async #personFor(
    provider: Provider,
    profile: ProviderProfile,
    attempt: SignInAttempt,
    signedIn: Person | undefined,
  ): Promise<string> {
    const owner = await this.#ownerOf(provider, profile);
    if (attempt.linksTo !== null) {
      if (signedIn?.id !== attempt.linksTo) throw startedBySomebodyElse();
      if (owner === attempt.linksTo) return owner;
      if (owner !== undefined) throw taken(provider);
      await this.#addAccount(attempt.linksTo, provider, profile);
      return attempt.linksTo;
    }
    if (owner !== undefined) {
      if (attempt.invitation !== null) await this.#acceptAgain(owner, attempt.invitation);
      return owner;
    }
    return await this.#join(provider, profile, attempt.invitation);
  }

  async #ownerOf(provider: Provider, profile: ProviderProfile): Promise<string | undefined> {
    const { subject, formerSubject } = profile;
    const owner = await this.#unique.find(accountValue(provider.id, subject));
    if (owner !== undefined || formerSubject === undefined) return owner;
    const former = await this.#unique.find(accountValue(provider.id, formerSubject));
    if (former === undefined) return undefined;
    // Kept with its server from now on: another server has nothing to say about this person.
    await this.#addAccount(former, provider, profile);
    await this.#removeAccounts(former, provider.id, formerSubject);
    return former;
  }

  async #removeAccounts(person: string, provider: string, subject?: string): Promise<void> {
    const { actors, auth } = this.#options;
    const { internalAdapter } = await auth().$context;
    for (const row of await actors.user<readonly Row[]>(person, "find", "account", [])) {
      const isMeant = subject === undefined || row["account_id"] === subject;
      if (row["provider_id"] === provider && isMeant) await internalAdapter.deleteAccount(String(row["id"]));
    }
  }

  /** Accounts that a person has connected. */
  async connected(person: string): Promise<readonly string[]> {
    const rows = await this.#options.actors.user<readonly Row[]>(person, "find", "account", []);
    return rows.map((row) => String(row["provider_id"])).filter((id) => id !== "credential");
  }

  /** Throws `people.provider_not_connected`, `people.last_way_in`. */
  async disconnect(person: string, provider: string): Promise<void> {
    const { actors } = this.#options;
    const accounts = await actors.user<readonly Row[]>(person, "find", "account", []);
    const others = accounts.filter((row) => row["provider_id"] !== provider);
    if (others.length === accounts.length)
      throw error("provider_not_connected", 404, "There is no such account connected to yours");
    const passkeys = await actors.user<readonly Row[]>(person, "find", "passkey", [], { limit: 1 });
    if (others.length === 0 && passkeys.length === 0)
      throw error(
        "last_way_in",
        409,
        "This is your only way to sign in. Add a passkey first, or set a password with “Forgot your password?”.",
      );
    await this.#removeAccounts(person, provider);
    await this.#options.forgeAccounts.disconnected(person, provider);
  }

  async #join(provider: Provider, profile: ProviderProfile, invitation: string | null): Promise<string> {
    const { people } = this.#options;
    const { email, isEmailVerified } = profile;
    if (email === "" || !isEmailVerified)
      throw error(
        "provider_unverified",
        403,
        `${provider.name} does not know a verified e-mail address of you. Verify yours there, then start again.`,
      );
    if ((await this.#unique.find(emailValue(email))) !== undefined)
      throw error(
        "provider_needs_link",
        409,
        `There is an account with your address already. Sign in to it, then connect ${provider.name} on the page Account.`,
      );
    const token = invitation ?? (await this.#ofDomain(email));
    if (token === undefined)
      throw error(
        "provider_not_invited",
        403,
        `${provider.name} knows you, and nobody has invited you here. Ask an admin for an invitation, and open its link.`,
      );
    await people.checkInvitation(token, email);
    const { internalAdapter } = await this.#options.auth().$context;
    const user = await internalAdapter.createUser(
      {
        email: email.toLowerCase(),
        name: profile.name === "" ? email : profile.name,
        emailVerified: true,
      },
      { method: "oauth", oauth: { providerId: provider.id } },
    );
    await this.#addAccount(user.id, provider, profile);
    await people.accept(user.id, token);
    return user.id;
  }

  /** The token of an invitation for whoever has an address of an allowed domain. */
  async #ofDomain(email: string): Promise<string | undefined> {
    const domain = email.split("@").at(-1)?.toLowerCase() ?? "";
    if (!(await this.#options.domains()).includes(domain)) return undefined;
    const invitation = { role: "member" as const, email };
    return (await this.#options.people.invite(operator, localOrganization, invitation)).token;
  }

  /** A person with an account who opens an invitation; one that was used already changes nothing. */
  async #acceptAgain(person: string, token: string): Promise<void> {
    await this.#options.people.accept(person, token);
  }

  async #addAccount(person: string, { id }: Provider, { subject }: ProviderProfile): Promise<void> {
    // What the provider lets us do there is not kept: nobody needs it after the sign-in.
    const { internalAdapter } = await this.#options.auth().$context;
    await internalAdapter.createAccount({ userId: person, providerId: id, accountId: subject });
  }
}

function taken({ name }: Provider): HoldfastError {
  return error(
    "provider_account_taken",
    409,
    `This account at ${name} belongs to somebody else here. Choose another one at ${name}.`,
  );
}

function startedBySomebodyElse(): HoldfastError {
  return error(
    "provider_signed_out",
    403,
    "You are no longer signed in as the person who wanted to connect this account. Sign in, then connect it again.",
  );
}

function error(code: string, statusCode: number, message: string): HoldfastError {
  return new HoldfastError("people", code, message, { statusCode });
}
