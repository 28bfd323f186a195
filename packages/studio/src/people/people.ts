import { HoldfastError } from "@holdfast/core";
import type { Person, RequestHeaders } from "../access/person.ts";
import { isAtLeast, type Role } from "../access/roles.ts";
import type { Standing } from "../backend/notifications/port.ts";
import type {
  ApiToken,
  Invitation,
  InvitationOffer,
  Member,
  Profile,
  SessionView,
  TokenScope,
} from "../contract/people.ts";
import { studioLimits } from "../limits.ts";
import { invitationNotFound, memberNotFound, type NewInvitation, requireGreatest } from "./actors/members.ts";
import type { PeopleActors } from "./actors/people-actors.ts";
import type { NewApiToken, TokenOwner } from "./actors/user.ts";
import type { Row } from "./actors/where.ts";
import { type Auth, sessionCookie } from "./auth/auth.ts";
import type { ForgeAccounts } from "./forge-accounts.ts";
import { newSecret, sha256 } from "./hash.ts";
import { mentionedIn } from "./mentions.ts";
import { emailValue, UniqueValues } from "./unique-values.ts";

/** Begins every API token, so that scanners of secrets recognize them. */
const tokenPrefix = "hf_";

/** The greatest role that a token acts with. */
const roleOfScope: Readonly<Record<TokenScope, Role>> = { read: "viewer", write: "member", all: "owner" };

export interface PeopleOptions {
  readonly actors: PeopleActors;
  readonly auth: () => Auth;
  readonly now: () => number;
  readonly forgeAccounts: ForgeAccounts;
}

/** Accounts, sessions, API tokens and memberships over the actors: what the routes about people do. */
export class People {
  readonly #actors: PeopleActors;
  readonly #auth: () => Auth;
  readonly #now: () => number;
  readonly #forgeAccounts: ForgeAccounts;
  readonly #unique: UniqueValues;

  constructor({ actors, auth, now, forgeAccounts }: PeopleOptions) {
    this.#actors = actors;
    this.#forgeAccounts = forgeAccounts;
    this.#auth = auth;
    this.#now = now;
    this.#unique = new UniqueValues(actors);
  }

  /**
   * The person of an API token or of a session's cookie. Nothing is cached: the actor of the person is asked each time,
   * so the end of a session, a token or a membership takes effect with the next request.
   */
  readonly identify = async (request: RequestHeaders): Promise<Person | undefined> => {
    const bearer = /^Bearer +(\S+)$/i.exec(request.header("authorization") ?? "")?.[1];
    if (bearer?.startsWith(tokenPrefix) === true) return this.#ofToken(bearer);
    const found = await this.#session(request);
    return found === undefined ? undefined : this.#person(found.user, "owner");
  };

  async #session(request: RequestHeaders) {
    const cookie = request.header("cookie");
    if (cookie?.includes(sessionCookie) !== true) return undefined;
    const found = await this.#auth().api.getSession({
      headers: new Headers({ cookie }),
      query: { disableRefresh: true },
    });
    return found ?? undefined;
  }

  async #ofToken(token: string): Promise<Person | undefined> {
    const [person = ""] = token.slice(tokenPrefix.length).split("_", 1);
    if (person === "") return undefined;
    const owner = await this.#actors.knownUser<TokenOwner | null>(person, null, "tokenOwner", sha256(token));
    if (owner === null) return undefined;
    return this.#person({ id: person, name: owner.name }, roleOfScope[owner.scope], owner.scope);
  }

  #person(
    { id, name }: Required<Pick<Person, "id" | "name">>,
    greatest: Role,
    tokenScope?: TokenScope,
  ): Person {
    return {
      ...{ id, name, isOperator: false, hasToken: tokenScope !== undefined },
      ...(tokenScope === undefined ? {} : { tokenScope }),
      roleIn: async (organization) => {
        const role = await this.#actors.role(organization, id);
        if (role === null) return undefined;
        return isAtLeast(role, greatest) ? greatest : role;
      },
    };
  }

  /** Whether a person is still a member of an organization, and may answer approvals; without a request of theirs. */
  readonly standing = async (id: string, organization: string): Promise<Standing> => {
    const role = await this.#actors.role(organization, id);
    const [user] = await this.#actors.knownUser<readonly Row[]>(id, [], "find", "user", []);
    const { name, email } = user ?? {};
    return {
      mayRead: role !== null,
      mayAnswer: role !== null && isAtLeast(role, "member"),
      email: textOf(email),
      ...(typeof name === "string" ? { name } : {}),
    };
  };

  /** Ids of the members of an organization whom a text mentions. */
  readonly mentioned = async (text: string, organization: string): Promise<readonly string[]> =>
    mentionedIn(text, await this.members(organization));

  /** Profile and organizations of a person. */
  async profile(person: Person): Promise<Profile> {
    if (person.isOperator)
      return { id: person.id, isOperator: true, name: null, email: null, organizations: [] };
    const [user] = await this.#actors.knownUser<readonly Row[]>(person.id, [], "find", "user", []);
    const noted = await this.#actors.knownUser<readonly Row[]>(person.id, [], "find", "organization", []);
    const organizations: { readonly id: string; readonly role: Role }[] = [];
    for (const row of noted) {
      const id = String(row["id"]);
      const role = await person.roleIn(id);
      if (role !== undefined) organizations.push({ id, role });
    }
    const { name, email } = user ?? {};
    return {
      ...{ id: person.id, isOperator: false, name: textOf(name), email: textOf(email), organizations },
      ...(person.tokenScope === undefined ? {} : { tokenScope: person.tokenScope }),
    };
  }

  /** Tells organizations of accounts at forges that they could not hear of before. */
  async tellAccounts(person: Person): Promise<void> {
    if (!person.isOperator) await this.#forgeAccounts.tell(person.id);
  }

  /** Changes the name of a person, also where they are a member. */
  async rename(person: Person, name: string): Promise<void> {
    const changes = { name, updated_at: this.#now() };
    await this.#actors.user(person.id, "update", "user", [], changes);
    for (const { id } of (await this.profile(person)).organizations)
      await this.#actors.members(id, "rename", person.id, name);
  }

  /** The live sessions of a person; the request says which one is its own. */
  async sessions(person: Person, request: RequestHeaders): Promise<readonly SessionView[]> {
    const current = await this.#session(request);
    const sortBy = { column: "created_at", descending: true };
    const live = [{ column: "expires_at", operator: "gt", value: this.#now() }];
    const rows = await this.#actors.user<readonly Row[]>(person.id, "find", "session", live, { sortBy });
    return rows.map((row) => ({
      id: String(row["id"]),
      createdAt: Number(row["created_at"]),
      expiresAt: Number(row["expires_at"]),
      ipAddress: textOf(row["ip_address"]),
      userAgent: textOf(row["user_agent"]),
      isCurrent: row["id"] === current?.session.id,
    }));
  }

  /** Ends a session of the person. Throws `session.not_found`. */
  endSession(person: Person, id: string): Promise<void> {
    return this.#removeOwn(person, "session", id);
  }

  async #removeOwn(person: Pick<Person, "id">, table: "session" | "api_token", id: string): Promise<void> {
    const where = [{ column: "id", operator: "eq", value: id }];
    const removed = await this.#actors.user<readonly Row[]>(person.id, "remove", table, where);
    if (removed.length > 0) return;
    const [group, what] = table === "session" ? ["session", "session"] : ["token", "API token"];
    throw new HoldfastError(group, "not_found", `There is no such ${what}`, { statusCode: 404 });
  }

  tokens(person: Pick<Person, "id">): Promise<readonly ApiToken[]> {
    return this.#actors.user(person.id, "listTokens");
  }

  /** Creates an API token, whose text is in this answer only. Throws `token.too_many`. */
  async createToken(
    person: Pick<Person, "id">,
    { name, scope, days }: { readonly name: string; readonly scope: TokenScope; readonly days: number },
  ): Promise<ApiToken & { readonly token: string }> {
    const token = `${tokenPrefix}${person.id}_${newSecret()}`;
    const createdAt = this.#now();
    const expiresAt = createdAt + days * 24 * 60 * 60 * 1_000;
    const view: ApiToken = { id: crypto.randomUUID(), name, scope, createdAt, expiresAt };
    const row: NewApiToken = { ...view, hash: sha256(token) };
    await this.#actors.user(person.id, "addToken", row);
    return { ...view, token };
  }

  /** Throws `token.not_found`. */
  deleteToken(person: Pick<Person, "id">, id: string): Promise<void> {
    return this.#removeOwn(person, "api_token", id);
  }

  /** The account of a member of an organization, for the operator. Throws `member.not_found`. */
  async account(person: string): Promise<Pick<Person, "id">> {
    if ((await this.#organizationsOf(person)).length > 0) return { id: person };
    throw memberNotFound();
  }

  /** Where a person is a member. */
  async #organizationsOf(person: string): Promise<readonly string[]> {
    const noted = await this.#actors.knownUser<readonly Row[]>(person, [], "find", "organization", []);
    const found: string[] = [];
    for (const { id } of noted)
      if ((await this.#actors.role(String(id), person)) !== null) found.push(String(id));
    return found;
  }

  /** The account with an e-mail address. */
  async findAccount(email: string): Promise<{ readonly id: string; readonly email: string } | undefined> {
    const id = await this.#unique.find(emailValue(email));
    return id === undefined ? undefined : { id, email: await this.#emailOf(id) };
  }

  async #emailOf(id: string): Promise<string> {
    const [user] = await this.#actors.user<readonly Row[]>(id, "find", "user", []);
    return String(user?.["email"]);
  }

  /**
   * The account of a member whose password an admin may reset: the account is that of their other organizations too.
   * Throws `member.not_found`, `member.forbidden_role`, `member.in_other_organizations`.
   */
  async accountToReset(person: Person, organization: string, id: string) {
    const member = (await this.members(organization)).find((each) => each.person === id);
    if (member === undefined) throw memberNotFound();
    requireGreatest(await this.#roleOf(person, organization), member.role);
    const others = (await this.#organizationsOf(id)).filter((each) => each !== organization);
    if (!person.isOperator && others.length > 0) {
      const message =
        "This person is a member of other organizations, too. They can ask for a link by mail, or the operator for them.";
      throw new HoldfastError("member", "in_other_organizations", message, { statusCode: 403 });
    }
    return { id, email: await this.#emailOf(id) };
  }

  /** Returns a token by which its holder sets a new password for the account, once, for an hour. */
  async createReset(id: string): Promise<string> {
    const token = newSecret();
    const { internalAdapter } = await this.#auth().$context;
    const expiresAt = new Date(this.#now() + studioLimits.passwordResetTtlMs);
    await internalAdapter.createVerificationValue({
      identifier: `reset-password:${token}`,
      value: id,
      expiresAt,
    });
    return token;
  }

  members(organization: string): Promise<readonly Member[]> {
    return this.#actors.members(organization, "list");
  }

  invitations(organization: string): Promise<readonly Invitation[]> {
    return this.#actors.members(organization, "invitations");
  }

  /** Creates an invitation, whose token is in this answer only. Throws `invitation.*`, `member.forbidden_role`. */
  async invite(
    person: Person,
    organization: string,
    { role, email }: { readonly role: Role; readonly email: string | null },
  ): Promise<Invitation & { readonly token: string }> {
    const token = `${organization}_${newSecret()}`;
    const createdAt = this.#now();
    const view: Invitation = {
      ...{ id: crypto.randomUUID(), role, email, createdBy: person.id, createdAt },
      expiresAt: createdAt + studioLimits.invitationTtlMs,
    };
    const row: NewInvitation = { ...view, hash: sha256(token) };
    await this.#actors.members(organization, "invite", row, await this.#roleOf(person, organization));
    return { ...view, token };
  }

  /** Gives an invitation a new token, which is in this answer only. Throws `invitation.not_found`, `member.forbidden_role`. */
  async renewInvitation(
    person: Person,
    organization: string,
    id: string,
  ): Promise<Invitation & { readonly token: string }> {
    const token = `${organization}_${newSecret()}`;
    const next = { hash: sha256(token), expiresAt: this.#now() + studioLimits.invitationTtlMs };
    const by = await this.#roleOf(person, organization);
    return { ...(await this.#actors.members<Invitation>(organization, "renew", id, next, by)), token };
  }

  withdraw(organization: string, id: string): Promise<void> {
    return this.#actors.members(organization, "withdraw", id);
  }

  async #invitation(token: string): Promise<Invitation> {
    const found = await this.#actors.knownMembers<Invitation | undefined>(
      ...([organizationOf(token), undefined, "invitation", sha256(token)] as const),
    );
    if (found === undefined) throw invitationNotFound();
    return found;
  }

  /** What an invitation offers. Throws `invitation.not_found`. */
  async offer(token: string, nameOf: (organization: string) => Promise<string>): Promise<InvitationOffer> {
    const { role, email, createdBy, expiresAt } = await this.#invitation(token);
    const members = await this.members(organizationOf(token));
    const inviter = members.find((member) => member.person === createdBy);
    const id = organizationOf(token);
    const organization = { id, name: await nameOf(id) };
    return { role, email, invitedBy: inviter?.name ?? null, expiresAt, organization };
  }

  /** Throws `invitation.not_found`, `invitation.for_another`. */
  async checkInvitation(token: string, email: string): Promise<void> {
    const found = await this.#invitation(token);
    if (found.email === null || found.email.toLowerCase() === email.toLowerCase()) return;
    const message = "This invitation is for another e-mail address. Use that one.";
    throw new HoldfastError("invitation", "for_another", message, { statusCode: 403 });
  }

  /** Makes a person a member. Throws `invitation.not_found`, `invitation.for_another`, `member.too_many`. */
  async accept(personId: string, token: string): Promise<{ readonly id: string; readonly role: Role }> {
    const organization = organizationOf(token);
    await this.#invitation(token);
    const [user] = await this.#actors.user<readonly Row[]>(personId, "find", "user", []);
    // Before they become a member: then the list of their organizations lacks none.
    await this.#actors.user(personId, "noteOrganization", organization);
    const joining = { person: personId, name: String(user?.["name"]), email: String(user?.["email"]) };
    const role = await this.#actors.members<Role>(organization, "accept", sha256(token), joining);
    await this.#forgeAccounts.joined(personId, organization);
    return { id: organization, role };
  }

  /** Throws `member.not_found`, `member.forbidden_role`, `member.last_owner`. */
  async changeRole(person: Person, organization: string, member: string, role: Role): Promise<void> {
    const by = await this.#roleOf(person, organization);
    await this.#actors.members(organization, "changeRole", member, role, by);
  }

  /**
   * Removes a member. Their connections end, and with their last organization their API tokens; their tasks, which belong to the organization, go on. Throws
   * `member.not_found`, `member.forbidden_role`, `member.last_owner`.
   */
  async removeMember(person: Person, organization: string, member: string): Promise<void> {
    const by = await this.#roleOf(person, organization);
    await this.#forgeAccounts.leaving(member, organization);
    await this.#actors.members(organization, "remove", member, by);
    await this.#forgeAccounts.tell(member);
    await this.#actors.knownUser(member, undefined, "forgetOrganization", organization);
    // They have no right any more. Without this, the tokens would work again when the person is invited again.
    if ((await this.#organizationsOf(member)).length === 0)
      await this.#actors.knownUser(member, [], "remove", "api_token", []);
  }

  /** Throws `member.not_found`, `member.last_owner`. */
  leave(person: Person, organization: string): Promise<void> {
    return this.removeMember(person, organization, person.id);
  }

  /** The operator says which owner hands it over. Throws `member.not_found`, `member.forbidden_role`. */
  transfer(person: Person, organization: string, to: string, from?: string): Promise<void> {
    const owner = person.isOperator ? (from ?? person.id) : person.id;
    return this.#actors.members(organization, "transfer", owner, to);
  }

  async #roleOf(person: Person, organization: string): Promise<Role> {
    if (person.isOperator) return "owner";
    return (await person.roleIn(organization)) ?? "viewer";
  }
}

/** The organization of an invitation's token. Any other has no such invitation. */
function organizationOf(token: string): string {
  const end = token.indexOf("_");
  if (end > 0) return token.slice(0, end);
  throw invitationNotFound();
}

function textOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
