import { HoldfastError } from "@holdfast/core";
import type { CheckedConnection } from "../../administration/connections.ts";
import { type GitHubSettings, gitHubProvider } from "./github.ts";
import { type OidcSettings, oidcProvider } from "./oidc.ts";
import type { Provider, ProviderId, ProviderSettings } from "./provider.ts";

/** Where people may sign in with accounts that they have elsewhere. */
export interface SignInSettings {
  readonly github?: GitHubSettings;
  readonly oidc?: OidcSettings;
  /** Whoever has a verified address in one of these domains may join without an invitation. */
  readonly domains?: readonly string[];
}

export interface ProvidersOptions {
  readonly settings: SignInSettings;
  /** Reads a secret of the vault. */
  readonly readSecret: (name: string) => Promise<string | undefined>;
  /** Where people open the Studio, without a slash at the end. */
  readonly origin: () => string;
  readonly now: () => number;
}

/** The providers that are set up. */
export class Providers {
  readonly list: readonly Provider[];
  readonly #origin: () => string;

  constructor({ settings, readSecret, origin, now }: ProvidersOptions) {
    this.#origin = origin;
    const { github, oidc } = settings;
    const secretOf = (id: ProviderId, given: ProviderSettings) => async (): Promise<string> => {
      const secret = given.clientSecret ?? (await readSecret(secretName(id)));
      if (secret !== undefined) return secret;
      const message = `The client's secret for this sign-in is not set. Run: holdfast secrets set ${secretName(id)}`;
      throw new HoldfastError("people", "provider_not_set_up", message, { statusCode: 409 });
    };
    this.list = [
      ...(github === undefined ? [] : [gitHubProvider(github, secretOf("github", github))]),
      ...(oidc === undefined ? [] : [oidcProvider(oidc, secretOf("oidc", oidc), now)]),
    ];
  }

  /** Throws `people.unknown_provider`. */
  get(id: string | undefined): Provider {
    const found = this.list.find((each) => each.id === id);
    if (found !== undefined) return found;
    const message = "Nobody can sign in with such an account here";
    throw new HoldfastError("people", "unknown_provider", message, { statusCode: 404 });
  }

  /** Where a provider sends people back to. It must be among the addresses that the provider knows. */
  redirectURI({ id }: Pick<Provider, "id">): string {
    return `${this.#origin()}/people/providers/${id}/callback`;
  }

  /** What an admin can check. */
  get connections(): readonly CheckedConnection[] {
    return this.list.map((provider) => ({
      ...{ id: `sign-in/${provider.id}`, name: `Sign-in with ${provider.name}` },
      detail: () => `It must know this address, to which it sends people back: ${this.redirectURI(provider)}`,
      check: () => provider.check(this.redirectURI(provider)),
    }));
  }
}

function secretName(id: ProviderId): string {
  return `sign-in-${id}`;
}
