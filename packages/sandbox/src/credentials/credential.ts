/** Which credentials agents would find on this machine. */
import type { CredentialProvider } from "../agents/row.ts";

/** A credential of a model provider that was found on this machine. */
export interface Credential {
  readonly provider: CredentialProvider;
  /** Where it was found: `environment:NAME`, or a file below HOME as `~/...`. */
  readonly source: string;
  readonly authType: "api_key" | "oauth";
  /** The key itself. Print it only through {@link redactKey}. */
  readonly key: string;
}

/** Below this length the ends of a key would be too much of it. */
const minRedactable = 16;

/** The first and last four characters of a key; of a short one nothing at all. */
export function redactKey(key: string): string {
  return key.length < minRedactable ? "****" : `${key.slice(0, 4)}...${key.slice(-4)}`;
}
