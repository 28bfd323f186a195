import type { EgressUpstream, ProviderName } from "../egress/egress.ts";

export type CredentialSource =
  /** An environment variable of the host. */
  | "environment"
  /** `holdfast auth api-key`, in the data directory. */
  | "stored"
  /** The person's own Claude or ChatGPT login. */
  | "login";

export interface ProviderStatus {
  readonly provider: ProviderName;
  readonly available: boolean;
  readonly source?: CredentialSource;
  readonly baseUrl: string;
  /** For people: where the credential was found, or how to give one. Never a value. */
  readonly detail: string;
}

export interface Vault {
  status(): Promise<readonly ProviderStatus[]>;
  /** Stores a key, encrypted. Throws `vault.invalid_key`. */
  setApiKey(provider: ProviderName, key: string): Promise<void>;
  /** True when there was one. */
  deleteApiKey(provider: ProviderName): Promise<boolean>;
  /**
   * The upstream of a provider as agents use it: base URL, allow-list and credential.
   * Throws `vault.no_credential` when there is none.
   */
  upstream(provider: ProviderName): Promise<EgressUpstream>;
  /** Replaces every known secret value in `text`. */
  redact(text: string): string;
}
