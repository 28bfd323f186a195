/** Detects the credentials that agents would find on this machine. */
import type { CredentialProvider } from "../agents/row.ts";

/** A credential of a model provider, found on this machine. */
export interface Credential {
  readonly provider: CredentialProvider;
  /** Where it was found: `environment:NAME`, or a file below HOME as `~/...`. */
  readonly source: string;
  readonly authType: "api_key" | "oauth";
  /** The secret key. Print it only through {@link redactKey}. */
  readonly key: string;
}

/** A shorter key is redacted completely, because its ends would reveal too much of it. */
const minRedactable = 16;

/** Returns the first and last four characters of a key, and none of a short one. */
export function redactKey(key: string): string {
  return key.length < minRedactable ? "****" : `${key.slice(0, 4)}...${key.slice(-4)}`;
}
