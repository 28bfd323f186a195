import { HoldfastError } from "@holdfast/core";
import type { CheckedConnection } from "../../administration/connections.ts";
import { type GitHubSettings, gitHubProvider } from "./github.ts";
import { type OidcSettings, oidcProvider } from "./oidc.ts";
import type { Provider, ProviderId, ProviderSettings, ReadSecret } from "./provider.ts";

/** Where people may sign in with accounts that they have elsewhere. */
export interface SignInSettings {
  readonly github?: GitHubSettings;
  readonly oidc?: OidcSettings;
  /** Whoever has a verified address in one of these domains may join without an invitation. */
  readonly domains?: readonly string[];
}

export interface ProvidersOptions {
  /** What is in force now. */
  readonly settings: () => Promise<SignInSettings>;
  /** Reads a secret of the vault. */
  readonly readSecret: (name: string) => Promise<string | undefined>;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  readonly now: () => number;
}

interface MadeProvider {
  readonly of: string;
  readonly provider: Provider;
}

/** The providers that are set up. */
export class Providers {
  readonly #options: ProvidersOptions;
  /** By their id: one whose settings have changed is made anew. */
  readonly #made = new Map<ProviderId, MadeProvider>();

  constructor(options: ProvidersOptions) {
    this.#options = options;
  }

  async list(): Promise<readonly Provider[]> {
    const { settings, now } = this.#options;
    const { github, oidc } = await settings();
    return [
      ...(github === undefined
        ? []
        : [this.#make("github", github, (secret) => gitHubProvider(github, secret))]),
      ...(oidc === undefined ? [] : [this.#make("oidc", oidc, (secret) => oidcProvider(oidc, secret, now))]),
    ];
  }

  #make(id: ProviderId, given: ProviderSettings, make: (secret: ReadSecret) => Provider): Provider {
    const of = JSON.stringify(given);
    const known = this.#made.get(id);
    if (known?.of === of) return known.provider;
    const provider = make(async () => {
      const secret = given.clientSecret ?? (await this.#options.readSecret(secretName(id)));
      if (secret !== undefined) return secret;
      const message = `The client's secret for this sign-in is not set. Enter it in Settings, Sign-in, or run: holdfast secrets set ${secretName(id)}`;
      throw new HoldfastError("people", "provider_not_set_up", message, { statusCode: 409 });
    });
    this.#made.set(id, { of, provider });
    return provider;
  }

  /** Throws `people.unknown_provider`. */
  async get(id: string | undefined): Promise<Provider> {
    const found = (await this.list()).find((each) => each.id === id);
    if (found !== undefined) return found;
    const message = "Nobody can sign in with such an account here";
    throw new HoldfastError("people", "unknown_provider", message, { statusCode: 404 });
  }

  /** Where a provider sends people back to. It must be among the addresses that the provider knows. */
  redirectURI({ id }: Pick<Provider, "id">): string {
    return `${this.#options.origin()}/people/providers/${id}/callback`;
  }

  /** What an admin can check. */
  async connections(): Promise<readonly CheckedConnection[]> {
    return (await this.list()).map((provider) => ({
      ...{ id: `sign-in/${provider.id}`, name: `Sign-in with ${provider.name}` },
      detail: () => `It must know this address, to which it sends people back: ${this.redirectURI(provider)}`,
      check: () => provider.check(this.redirectURI(provider)),
    }));
  }
}

/** Name in the vault. */
export function secretName(id: ProviderId): string {
  return `sign-in-${id}`;
}
