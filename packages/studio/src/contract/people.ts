/** Types of the contract about people: accounts, members, invitations. */
import type { Role } from "../access/roles.ts";
import type { ForgeKind } from "../forges/forge.ts";
import type { TaskStarter } from "./task-list.ts";

/** Whoever asks. */
export interface Me {
  /** Also the key of their inbox. */
  readonly id: string;
}

/** How people sign in at a Studio. */
export interface SignInOptions {
  /** False where the operator is the only person. */
  readonly people: boolean;
  /** True if the server sends mails. */
  readonly mail: boolean;
  /** True where the operator sells plans. */
  readonly billing?: true;
  /** Whom everybody who can reach this server may sign in as, with --demo-team. */
  readonly demoTeam?: DemoTeam;
}

/** A person of the demo team. The password is no secret. */
export interface DemoPerson {
  readonly name: string;
  readonly email: string;
  readonly password: string;
  readonly role: Role;
}

export interface DemoTeam {
  readonly people: readonly DemoPerson[];
  /** What to try first: a prompt, and the name of the connected repository that it is for. */
  readonly suggestions: readonly { readonly repository: string; readonly prompt: string }[];
  /** First page of the emulator that its plans are paid at. */
  readonly paymentsUrl: string;
}

/** Whoever sends the request. */
export interface Profile {
  readonly id: string;
  readonly isOperator: boolean;
  /** Null for the operator, who has no account. */
  readonly name: string | null;
  readonly email: string | null;
  readonly organizations: readonly { readonly id: string; readonly role: Role }[];
  /** Of the API token that the request comes with; absent for a session. */
  readonly tokenScope?: TokenScope;
}

/** A session of a person, as they see it. */
export interface SessionView {
  readonly id: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  /** True for the session of the request. */
  readonly isCurrent: boolean;
}

/** A passkey of a person. */
export interface PasskeyView {
  readonly id: string;
  readonly name: string;
  /** The site that it is for: a passkey works under this name only. */
  readonly site: string;
  /** True if its holder has it on several devices. */
  readonly isSynced: boolean;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
}

/** What an API token may do: as a viewer, as a member, or all that its owner may. */
export const tokenScopes = ["read", "write", "all"] as const;
export type TokenScope = (typeof tokenScopes)[number];

export interface ApiToken {
  readonly id: string;
  readonly name: string;
  readonly scope: TokenScope;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface Member {
  readonly person: string;
  readonly name: string;
  readonly email: string;
  readonly role: Role;
  readonly joinedAt: number;
  /** When they last sent a request, within five minutes; null before the first one. */
  readonly seenAt: number | null;
}

export interface Invitation {
  readonly id: string;
  readonly role: Role;
  /** Only a person with this address may accept it, if it has one. */
  readonly email: string | null;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

/** What an invitation says to whoever has its link. */
export interface InvitationOffer {
  readonly role: Role;
  readonly email: string | null;
  /** Name of the member who invites; null for the operator. */
  readonly invitedBy: string | null;
  readonly expiresAt: number;
  readonly organization: { readonly id: string; readonly name: string };
}

/** An organization of whoever asks. */
export interface OrganizationSummary {
  /** "local" for the first one. */
  readonly id: string;
  readonly name: string;
  /** Of whoever asks. */
  readonly role: Role;
}

/** What an import has brought, and what it could not. */
export interface ImportReport {
  readonly tasks: number;
  readonly repositories: number;
  /** Paused. */
  readonly schedules: number;
  readonly invitations: number;
  /** Sentences for people. */
  readonly notCarried: readonly string[];
}

export interface ImportedOrganization extends OrganizationSummary {
  readonly report: ImportReport;
}

/** What an organization has: that is what its deletion removes. */
export interface OrganizationDetails extends OrganizationSummary {
  readonly tasks: number;
  /** Those on which agents work. */
  readonly activeTasks: number;
  readonly repositories: number;
  readonly schedules: number;
  readonly members: number;
  /** True for the one that cannot be deleted. */
  readonly isFirst: boolean;
}

/** An open offer to hand a task over. */
export interface TaskOffer {
  readonly id: string;
  /** Who answers it. */
  readonly to: TaskStarter;
  /** The owner, who can take it back. */
  readonly by: TaskStarter;
  readonly at: number;
}

/** A change of a task's owner. */
export interface TaskHandover {
  /** Absent if nobody owned it. */
  readonly from?: TaskStarter;
  readonly to: TaskStarter;
  /** The new owner, who accepted an offer, or an admin, who assigned it. */
  readonly by: TaskStarter;
  readonly at: number;
}

/** Actions of `task` about its owner. `to` is the id, the name or the e-mail address of a member. */
export interface OwnershipActions {
  /**
   * Offers the task to a member, who accepts or declines. A second offer to the same one is the first one. Throws
   * `task.not_owner`, `.receiver_not_found`, `.receiver_cannot_own`, `.owned_already`, `.offered_already`.
   */
  offerHandover(to: string): Promise<TaskOffer>;
  /** Makes whoever calls the owner. Throws `task.offer_ended`, which says how, `.offered_to_another`. */
  acceptHandover(offerId: string): Promise<void>;
  /** Throws as `acceptHandover`. */
  declineHandover(offerId: string): Promise<void>;
  /** Takes an offer back. Throws `task.offer_ended`, which says how, `.not_owner`. */
  withdrawHandover(offerId: string): Promise<void>;
  /** Makes a member the owner at once, and ends an open offer. Throws `task.receiver_not_found`, `.receiver_cannot_own`. */
  assign(to: string): Promise<void>;
}

export const signInProviderIds = ["github", "oidc"] as const;
export type SignInProviderId = (typeof signInProviderIds)[number];

/** Where people may have accounts, and what decides about it. */
export interface SignInProviderView {
  readonly id: SignInProviderId;
  /** What people read. */
  readonly name: string;
  /** "environment": variables of the server decide, before what is saved here. "none": nobody signs in with it. */
  readonly source: "environment" | "settings" | "none";
  readonly clientId?: string;
  /** Of GitHub Enterprise Server. */
  readonly url?: string;
  /** Of OpenID Connect. */
  readonly issuer?: string;
  readonly hasSecret: boolean;
  /** The address to which the provider sends people back. It must know it. */
  readonly redirectUrl: string;
}

export interface SignInView {
  readonly providers: readonly SignInProviderView[];
  /** Whoever has a verified address in one of these domains may join without an invitation. */
  readonly domains: readonly string[];
  readonly domainsSource: "environment" | "settings";
}

export interface SignInProviderInput {
  readonly id: SignInProviderId;
  readonly clientId: string;
  /** A new one, for the vault; the one that is there stays without it. */
  readonly clientSecret?: string;
  /** Of GitHub Enterprise Server; github.com without it. */
  readonly url?: string;
  /** Of OpenID Connect, which needs it. */
  readonly issuer?: string;
  /** What people read, for OpenID Connect. */
  readonly name?: string;
}

/** How it is known whose account it is. A stronger proof takes the place of a weaker one. */
export type AccountProof =
  /** The person has signed in with it, or connected it to theirs. */
  | "sign-in"
  /** The account has written the person's code in a comment. */
  | "comment"
  /** An admin has said so, for this organization. */
  | "admin";

/** An account at a forge, and whose it is in this organization. */
export interface ForgeAccount {
  /** Id of the person. */
  readonly person: string;
  readonly forge: ForgeKind;
  /** Base of the forge's API: logins of two servers are different accounts. */
  readonly server: string;
  readonly login: string;
  readonly proof: AccountProof;
  readonly linkedAt: number;
}

/** What a person does to prove an account. */
export interface AccountLink {
  /** The whole comment that the account writes on any pull request or issue of the repository. */
  readonly code: string;
  /** Name of the repository. */
  readonly repository: string;
  readonly login: string;
  readonly expiresAt: number;
}

/** Actions of `attention` about accounts. Errors: group "account". */
export interface AccountActions {
  /** All accounts of people of the organization. */
  forgeAccounts(): Promise<readonly ForgeAccount[]>;
  /**
   * Begins to prove that an account is one's own. `repository` is the id of a connected one at its forge. Throws
   * `account.invalid_input`, `.no_forge`, `.taken`, `.proven`.
   */
  beginAccountLink(input: { readonly repository: string; readonly login: string }): Promise<AccountLink>;
  /** Looks for the comment, and links the account. Throws `account.not_begun`, `.not_proven`, `.taken`, `forge.*`. */
  confirmAccountLink(): Promise<ForgeAccount>;
  /** Removes one's own account. Idempotent. */
  unlinkForgeAccount(server: string): Promise<void>;
  /**
   * Says which account a member has; `null` says none. Throws `account.invalid_input`, `.no_forge`, `.no_member`, `.taken`,
   * `.proven`.
   */
  setForgeAccount(input: {
    readonly person: string;
    readonly repository: string;
    readonly login: string | null;
  }): Promise<void>;
}
