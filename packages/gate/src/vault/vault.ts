import type { EgressUpstream, ProviderName } from "../egress/egress.ts";
import type { Grant, SecretOwner } from "./grants.ts";

/** Where a credential comes from. */
export type CredentialSource =
  /** An environment variable of the host. */
  | "environment"
  /** `holdfast auth api-key`, in the data directory. */
  | "stored"
  /** The person's own Claude or ChatGPT login. */
  | "login";

/** Whether there is a credential for a provider; never the credential. */
export interface ProviderStatus {
  readonly provider: ProviderName;
  readonly available: boolean;
  readonly source?: CredentialSource;
  /** Empty where the operator has not said one yet. */
  readonly baseUrl: string;
  /** For people: where the credential was found, or how to give one. Never a value. */
  readonly detail: string;
}

/** A stored secret, without its value. */
export interface SecretEntry {
  readonly name: string;
  readonly owner: SecretOwner;
}

/** Credentials of model providers, and secrets of the host, of users and of organisations. */
export interface Vault {
  status(): Promise<readonly ProviderStatus[]>;
  /** Stores a key, encrypted. Throws `vault.invalid_key`. */
  setApiKey(provider: ProviderName, key: string): Promise<void>;
  /** True when there was one. */
  deleteApiKey(provider: ProviderName): Promise<boolean>;
  /** Stores the address of a provider's server; undefined for the provider's own. Throws `vault.invalid_base_url`. */
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
  /** The value, for the host's own checks; undefined when there is none. It is taken out of everything from now on. */
  readSecret(entry: SecretEntry): Promise<string | undefined>;
  /** Throws `vault.invalid_grant`. */
  grant(grant: Omit<Grant, "id">): Promise<Grant>;
  revoke(id: string): Promise<boolean>;
  grants(): Promise<readonly Grant[]>;
  /** Replaces every known secret value in `text`. */
  redact(text: string): string;
}
