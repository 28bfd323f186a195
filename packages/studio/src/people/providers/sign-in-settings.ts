/** Which providers there are: what the environment says, or else what was saved in the settings, in force at once. */
import { HoldfastError } from "@holdfast/core";
import type { AuditEntry } from "@holdfast/gate";
import {
  type SignInProviderId,
  type SignInProviderInput,
  type SignInProviderView,
  type SignInView,
  signInProviderIds,
} from "../../contract/people.ts";
import { isLoopback } from "../../http/loopback.ts";
import { studioLimits } from "../../limits.ts";
import { type Providers, type SignInSettings, secretName } from "./providers.ts";

/** What was saved. Version 1; secrets are in the vault. */
export interface KeptSignIn {
  readonly version: 1;
  readonly github?: { readonly clientId: string; readonly url?: string };
  readonly oidc?: { readonly clientId: string; readonly issuer: string; readonly name?: string };
  readonly domains?: readonly string[];
}

/** Where it is kept, and the secrets. */
export interface SignInStore {
  read(): Promise<KeptSignIn | null>;
  write(next: KeptSignIn): Promise<void>;
  readonly readSecret: (name: string) => Promise<string | undefined>;
  readonly setSecret: (name: string, value: string) => Promise<void>;
  readonly deleteSecret: (name: string) => Promise<void>;
  readonly audit: (entry: AuditEntry) => Promise<void>;
}

/** What is in force: each part by the environment if that has it. */
export async function settingsInForce(
  environment: SignInSettings,
  store: Pick<SignInStore, "read">,
): Promise<SignInSettings> {
  const kept = (await store.read()) ?? undefined;
  const github = environment.github ?? (kept?.github && { ...kept.github, isSaved: true });
  const oidc = environment.oidc ?? (kept?.oidc && { ...kept.oidc, isSaved: true });
  return {
    domains: (hasDomains(environment) ? environment.domains : kept?.domains) ?? [],
    ...(github === undefined ? {} : { github }),
    ...(oidc === undefined ? {} : { oidc }),
  };
}

function hasDomains({ domains = [] }: SignInSettings): boolean {
  return domains.length > 0;
}

/** What the settings of the Studio show and change. `by` is who changes it. */
export class SignInAdministration {
  readonly #environment: SignInSettings;
  readonly #store: SignInStore;
  readonly #providers: Pick<Providers, "redirectURI">;

  constructor(environment: SignInSettings, store: SignInStore, providers: Pick<Providers, "redirectURI">) {
    this.#environment = environment;
    this.#store = store;
    this.#providers = providers;
  }

  async view(): Promise<SignInView> {
    const { domains = [], ...settings } = await settingsInForce(this.#environment, this.#store);
    const providers = signInProviderIds.map(async (id): Promise<SignInProviderView> => {
      const found = settings[id];
      const { clientId, clientSecret, url, issuer, name } = { ...none, ...found };
      return {
        ...{ id, name: name ?? names[id], source: this.#sourceOf(id, found) },
        ...(clientId === undefined ? {} : { clientId }),
        ...(url === undefined ? {} : { url }),
        ...(issuer === undefined ? {} : { issuer }),
        hasSecret: clientSecret !== undefined || (await this.#store.readSecret(secretName(id))) !== undefined,
        redirectUrl: this.#providers.redirectURI({ id }),
      };
    });
    const domainsSource = hasDomains(this.#environment) ? "environment" : "settings";
    return { providers: await Promise.all(providers), domains, domainsSource };
  }

  #sourceOf(id: SignInProviderId, found: object | undefined): SignInProviderView["source"] {
    if (found === undefined) return "none";
    return this.#environment[id] === undefined ? "settings" : "environment";
  }

  async save(input: SignInProviderInput, by: string): Promise<void> {
    const { id, clientSecret } = input;
    const next = keptOf(input);
    this.#requireOwn(
      this.#environment[id],
      id === "github" ? "HOLDFAST_GITHUB_CLIENT_ID" : "HOLDFAST_OIDC_CLIENT_ID",
    );
    if (clientSecret === undefined && serverOf(id, await this.#kept()) !== serverOf(id, next))
      await this.#requireNoSecret(id);
    await this.#store.audit({
      type: "sign_in.provider_saved",
      data: { provider: id, server: serverOf(id, next), by },
    });
    if (clientSecret !== undefined) await this.#store.setSecret(secretName(id), clientSecret);
    await this.#store.write({ ...(await this.#kept()), ...next });
  }

  async remove(id: SignInProviderId, by: string): Promise<void> {
    this.#requireOwn(
      this.#environment[id],
      id === "github" ? "HOLDFAST_GITHUB_CLIENT_ID" : "HOLDFAST_OIDC_CLIENT_ID",
    );
    await this.#store.audit({ type: "sign_in.provider_removed", data: { provider: id, by } });
    const { [id]: _, ...rest } = await this.#kept();
    await this.#store.write(rest);
    await this.#store.deleteSecret(secretName(id));
  }

  async saveDomains(domains: readonly string[], by: string): Promise<void> {
    this.#requireOwn(hasDomains(this.#environment) ? true : undefined, "HOLDFAST_SIGN_IN_DOMAINS");
    const next = domainsOf(domains);
    await this.#store.audit({ type: "sign_in.domains_saved", data: { domains: next, by } });
    await this.#store.write({ ...(await this.#kept()), domains: next });
  }

  async #kept(): Promise<KeptSignIn> {
    return (await this.#store.read()) ?? { version: 1 };
  }

  /** A secret is sent only to the server that it was entered for. Throws `administration.invalid_input`. */
  async #requireNoSecret(id: SignInProviderId): Promise<void> {
    if ((await this.#store.readSecret(secretName(id))) === undefined) return;
    throw invalid("The secret that is kept was not entered for this server. Enter the one that it gave you");
  }

  /** Throws `administration.set_by_environment`. */
  #requireOwn(given: unknown, variable: string): void {
    if (given === undefined) return;
    const message = `${variable} in the environment of the server decides about this. Remove it there, start the server again, and set it here.`;
    throw new HoldfastError("administration", "set_by_environment", message, { statusCode: 409 });
  }
}

/** Where the client's secret is sent. */
function serverOf(id: SignInProviderId, { github, oidc }: Pick<KeptSignIn, "github" | "oidc">) {
  switch (id) {
    case "github":
      return github && (github.url ?? "https://github.com");
    case "oidc":
      return oidc?.issuer;
  }
}

interface AnySettings {
  readonly clientId?: string;
  readonly clientSecret?: string;
  readonly url?: string;
  readonly issuer?: string;
  readonly name?: string;
}

const none: AnySettings = {};

const names: Readonly<Record<SignInProviderId, string>> = { github: "GitHub", oidc: "OpenID Connect" };

function invalid(message: string): HoldfastError {
  return new HoldfastError("administration", "invalid_input", message, { statusCode: 400 });
}

/** Throws `administration.invalid_input`. */
function keptOf(input: SignInProviderInput): Pick<KeptSignIn, "github" | "oidc"> {
  const { id } = input;
  const clientId = text(input.clientId, "clientId");
  if (clientId === undefined) throw invalid("`clientId` is missing");
  text(input.clientSecret, "clientSecret", 1_000);
  switch (id) {
    case "github": {
      const url = address(input.url, "url")?.replace(/\/+$/, "");
      return { github: { clientId, ...(url === undefined ? {} : { url }) } };
    }
    case "oidc": {
      const issuer = address(input.issuer, "issuer");
      if (issuer === undefined) throw invalid("`issuer` is missing");
      const name = text(input.name, "name", 60);
      return { oidc: { clientId, issuer, ...(name === undefined ? {} : { name }) } };
    }
  }
}

function text(value: unknown, name: string, max = 400): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.trim() !== "" && value.length <= max) return value.trim();
  throw invalid(`\`${name}\` must be text of 1 to ${max} characters`);
}

/** The client's secret is sent there. */
function address(value: unknown, name: string): string | undefined {
  const given = text(value, name);
  if (given === undefined) return undefined;
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (isSafe && url?.username === "" && url.search === "" && url.hash === "") return given;
  throw invalid(`\`${name}\` must be an address that begins with https://`);
}

/** Throws `administration.invalid_input`. */
function domainsOf(value: unknown): readonly string[] {
  const { maxSignInDomains } = studioLimits;
  const domains = Array.isArray(value) ? value.map((each) => String(each).trim().toLowerCase()) : undefined;
  const isDomain = (each: string) => /^(?=.{3,253}$)[a-z0-9-]+(?:\.[a-z0-9-]+)+$/.test(each);
  if (domains !== undefined && domains.length <= maxSignInDomains && domains.every(isDomain))
    return [...new Set(domains)];
  throw invalid(`\`domains\` must be a list of at most ${maxSignInDomains} names such as "example.org"`);
}
