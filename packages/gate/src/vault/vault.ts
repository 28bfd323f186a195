/**
 * The vault: credentials of model providers and secrets, encrypted at rest, and the grants to use them. Values leave the
 * vault only in the headers that the egress proxy adds. Only this room reads and writes the vault's files.
 */
import type { EgressUpstream, ProviderName } from "../egress/egress.ts";
import type { Grant, SecretOwner } from "./grants.ts";

/** The source of a credential. */
export type CredentialSource =
  /** An environment variable of the host. */
  | "environment"
  /** `holdfast auth api-key`, in the data directory. */
  | "stored"
  /** The user's own Claude or ChatGPT login. */
  | "login";

/** Whether a provider has a credential; never its value. */
export interface ProviderStatus {
  readonly provider: ProviderName;
  readonly available: boolean;
  readonly source?: CredentialSource;
  /** Empty where the operator has not set one yet. */
  readonly baseUrl: string;
  /** Where the credential was found, or how to provide one, as text for people. */
  readonly detail: string;
}

/** A stored secret, without its value. */
export interface SecretEntry {
  readonly name: string;
  readonly owner: SecretOwner;
}

/** Keeps credentials of model providers and secrets, encrypted, and decides by grants which request may use them. */
export interface Vault {
  status(): Promise<readonly ProviderStatus[]>;
  /** Stores a key, encrypted. Throws `vault.invalid_key`. */
  setApiKey(provider: ProviderName, key: string): Promise<void>;
  /** Gives whether there was one. */
  deleteApiKey(provider: ProviderName): Promise<boolean>;
  /** Stores the base URL of a provider; undefined resets it to the provider's own. Throws `vault.invalid_base_url`. */
  setBaseUrl(provider: ProviderName, baseUrl: string | undefined): Promise<void>;
  /**
   * The upstream of a provider as agents use it: base URL, allow-list and credential.
   * Throws `vault.no_credential` when there is none.
   */
  upstream(provider: ProviderName): Promise<EgressUpstream>;
  /**
   * Stores a secret of the host, a user or an organisation, encrypted. Nobody can use it before `grant`.
   * Throws `vault.invalid_secret`.
   */
  setSecret(entry: SecretEntry, value: string): Promise<void>;
  deleteSecret(entry: SecretEntry): Promise<boolean>;
  secretEntries(): Promise<readonly SecretEntry[]>;
  /** The value, for checks of the host; undefined when there is none. From then on it is redacted everywhere. */
  readSecret(entry: SecretEntry): Promise<string | undefined>;
  /** Throws `vault.invalid_grant`. */
  grant(grant: Omit<Grant, "id">): Promise<Grant>;
  revoke(id: string): Promise<boolean>;
  grants(): Promise<readonly Grant[]>;
  /** Replaces every known secret value in `text`. */
  redact(text: string): string;
}
