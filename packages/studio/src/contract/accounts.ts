/** Types of the contract by subject: accounts of people at forges. */
import type { ForgeKind } from "../forges/forge.ts";

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
