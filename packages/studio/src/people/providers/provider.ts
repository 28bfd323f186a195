/** Sign-in with accounts that people have elsewhere: GitHub, and any server that speaks OpenID Connect. */
import { HoldfastError } from "@holdfast/core";
import type { SignInProviderId } from "../../contract/people.ts";
import { studioLimits } from "../../limits.ts";
import type { SignedInAccount } from "../actors/user-forge-accounts.ts";

/** Where people have accounts. */
export type ProviderId = SignInProviderId;

/** What is kept in the browser between the way to the provider and the way back. */
export interface Proof {
  readonly state: string;
  /** Of PKCE: RFC 7636. */
  readonly codeVerifier: string;
  readonly nonce: string;
}

/** Whose account it is, as the provider says. */
export interface ProviderProfile {
  /** The server and the account's id there, which never changes, unlike the e-mail address. */
  readonly subject: string;
  /** The id alone, by which earlier versions kept the account. Absent where it may be an id at another server. */
  readonly formerSubject?: string;
  readonly name: string;
  readonly email: string;
  /** True if the provider has made sure that the address is the person's own. */
  readonly isEmailVerified: boolean;
  /** The account at a forge that this is; absent where the provider is none. */
  readonly forgeAccount?: SignedInAccount;
}

export interface Provider {
  readonly id: ProviderId;
  /** What people read: "GitHub". */
  readonly name: string;
  /** The address at which a person says that they want to sign in here. */
  authorizationUrl(proof: Proof, redirectURI: string): Promise<URL>;
  /** Whose code it is. Throws `people.provider_unreachable`, `people.provider_refused`. */
  profileOf(code: string, proof: Proof, redirectURI: string): Promise<ProviderProfile>;
  /** Resolves with what the provider answers now. Throws as `profileOf`. */
  check(redirectURI: string): Promise<string>;
}

/** The parts of a provider that are no secret. */
export interface ProviderSettings {
  readonly clientId: string;
  /** The client's secret; by default that of the vault with the name `sign-in-ID`. */
  readonly clientSecret?: string;
  /** True for what was saved in the settings, and not by the environment. */
  readonly isSaved?: boolean;
}

/** Which account it is. Two servers give the same id to different people. */
export function subjectAt(
  server: string,
  id: string,
  { isSaved }: Pick<ProviderSettings, "isSaved">,
): Pick<ProviderProfile, "subject" | "formerSubject"> {
  return { subject: `${server} ${id}`, ...(isSaved === true ? {} : { formerSubject: id }) };
}

export type ReadSecret = () => Promise<string>;

export function unreachable(name: string, cause?: unknown): HoldfastError {
  const message = `${name} does not answer. Try again in a moment, or sign in another way.`;
  return new HoldfastError("people", "provider_unreachable", message, {
    statusCode: 502,
    ...(cause === undefined ? {} : { cause }),
  });
}

export function refused(name: string, reason: string, cause?: unknown): HoldfastError {
  const message = `${name} did not confirm the sign-in: ${reason}. Start again; if it stays, tell the operator.`;
  return new HoldfastError("people", "provider_refused", message, {
    statusCode: 502,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** One request to a provider, whose answer is JSON. Throws `people.provider_unreachable`, `people.provider_refused`. */
export async function ask(
  name: string,
  url: string | URL,
  init: RequestInit = {},
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await askForList(name, url, init);
  if (typeof answer === "object" && answer !== null && !Array.isArray(answer))
    return answer as Readonly<Record<string, unknown>>;
  throw refused(name, "its answer is not an object");
}

/** As `ask`, for any JSON. */
export async function askForList(name: string, url: string | URL, init: RequestInit = {}): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    const signal = AbortSignal.timeout(studioLimits.providerTimeoutMs);
    const headers = { accept: "application/json", "user-agent": "holdfast", ...init.headers };
    response = await fetch(url, { ...init, headers, signal, redirect: "error" });
    text = await response.text();
  } catch (error) {
    throw unreachable(name, error);
  }
  if (response.status >= 500) throw unreachable(name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refused(name, `it answers ${response.status}`, error);
  }
  if (response.ok) return value;
  const { error, error_description: described } = (value ?? {}) as Readonly<Record<string, unknown>>;
  throw refused(name, words(described ?? error) ?? `it answers ${response.status}`);
}

/** A short text of somebody else's. */
export function words(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value.slice(0, 200) : undefined;
}
