import { homedir } from "node:os";
import { type Clock, HoldfastError } from "@holdfast/core";
import type { VaultConfig } from "../config.ts";
import {
  type CredentialForm,
  type EgressCredential,
  type EgressUpstream,
  type ProviderName,
  providerNames,
} from "../egress/egress.ts";
import { CredentialFile, type CredentialStore } from "./credential-file.ts";
import { GrantFile } from "./grant-file.ts";
import { type Grant, type GrantStore, Grants, type SecretUse } from "./grants.ts";
import { chatgptLogin, claudeLogin, type Login } from "./logins.ts";
import { type ProviderDefinition, providers } from "./providers.ts";
import { KnownSecrets } from "./redaction/known-secrets.ts";
import { isSecretName, secretNameRule } from "./secret-name.ts";
import type { CredentialSource, ProviderStatus, SecretEntry, Vault } from "./vault.ts";

/** Headers that present a credential to an upstream. */
export interface PresentedCredential {
  readonly headers: Readonly<Record<string, string>>;
  /** Appended to the agent's own header of that name. */
  readonly appended?: Readonly<Record<string, string>>;
}

/** Where a vault keeps its credentials and grants. */
export interface VaultStores {
  readonly credentials: CredentialStore;
  readonly grants: GrantStore;
}

/** The files of a data directory. */
export function vaultFiles(directory: string, clock: Clock): VaultStores {
  return { credentials: new CredentialFile(directory), grants: new GrantFile(directory, clock) };
}

/** Beta flag with which Anthropic's API accepts a login instead of a key. */
const oauthBeta = "oauth-2025-04-20";

/**
 * The vault: finds the credential for a request (environment, stored key, login, granted secret), and
 * knows every value that it handed out, so that it can be redacted.
 */
export class CredentialVault implements Vault {
  readonly secrets = new KnownSecrets();
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #stored: CredentialStore;
  readonly #grants: Grants;
  readonly #logins: Readonly<Partial<Record<ProviderName, Login>>>;

  constructor(stores: VaultStores, config: VaultConfig, clock: Clock) {
    this.#env = config.env ?? process.env;
    this.#stored = stores.credentials;
    this.#grants = new Grants(stores.grants, clock);
    const home = config.homeDir ?? homedir();
    const claudeUrl = config.claudeTokenUrl ?? "https://console.anthropic.com/v1/oauth/token";
    const chatgptUrl = config.chatgptTokenUrl ?? "https://auth.openai.com/oauth/token";
    const useLogins = config.logins ?? true;
    this.#logins = useLogins
      ? { anthropic: claudeLogin(home, claudeUrl, clock), openai: chatgptLogin(home, chatgptUrl, clock) }
      : {};
    // Known from the start, so that logs before the first request are redacted too.
    for (const name of providerNames) {
      for (const variable of providers[name].keyVariables) {
        const key = this.#env[variable];
        if (key !== undefined) this.secrets.add(key);
      }
    }
  }

  redact(text: string): string {
    return this.secrets.redact(text);
  }

  async status(): Promise<readonly ProviderStatus[]> {
    return Promise.all(providerNames.map((name) => this.#status(name)));
  }

  async #status(name: ProviderName): Promise<ProviderStatus> {
    const definition = providers[name];
    const source = await this.#source(name);
    const own = await this.#ownBaseUrl(name);
    const baseUrl = own ?? this.#defaultBaseUrl(definition, source) ?? "";
    if (baseUrl === "") {
      const detail = `no server: set ${definition.baseVariable}, or run: npx holdfast auth api-key ${name} --base-url URL`;
      return { provider: name, available: false, baseUrl, detail };
    }
    if (source !== undefined) {
      const where: Record<CredentialSource, string> = {
        environment: `the variable ${this.#keyVariable(definition) ?? definition.keyVariables[0]}`,
        stored: "a stored API key",
        login: definition.loginName ?? "a login",
      };
      return { provider: name, available: true, source, baseUrl, detail: `uses ${where[source]}` };
    }
    if (own !== undefined)
      return { provider: name, available: true, baseUrl, detail: "a server of your own, without a key" };
    const detail = `no credential: set ${definition.keyVariables[0]}, or run: npx holdfast auth api-key ${name}`;
    return { provider: name, available: false, baseUrl, detail };
  }

  #keyVariable(definition: ProviderDefinition): string | undefined {
    return definition.keyVariables.find((variable) => this.#env[variable]);
  }

  async #source(name: ProviderName): Promise<CredentialSource | undefined> {
    if (this.#keyVariable(providers[name]) !== undefined) return "environment";
    if ((await this.#stored.get(name)) !== undefined) return "stored";
    // A login is for the provider's own service, and is never sent to another server.
    if ((await this.#ownBaseUrl(name)) !== undefined) return undefined;
    return (await this.#logins[name]?.present()) === true ? "login" : undefined;
  }

  /** The base URL that the operator set, instead of the provider's. */
  async #ownBaseUrl(name: ProviderName): Promise<string | undefined> {
    return this.#env[providers[name].baseVariable] || (await this.#stored.get(baseEntry(name)));
  }

  #defaultBaseUrl(definition: ProviderDefinition, source: CredentialSource | undefined): string | undefined {
    return source === "login" ? definition.loginBaseUrl : definition.baseUrl;
  }

  async setApiKey(name: ProviderName, key: string): Promise<void> {
    const trimmed = key.trim();
    if (!/^[\x21-\x7e]{8,4096}$/.test(trimmed)) {
      throw new HoldfastError(
        "vault",
        "invalid_key",
        "An API key must be 8 to 4,096 printable characters without spaces",
        { statusCode: 400 },
      );
    }
    this.secrets.add(trimmed);
    await this.#stored.set(name, trimmed);
  }

  deleteApiKey(name: ProviderName): Promise<boolean> {
    return this.#stored.delete(name);
  }

  async setBaseUrl(name: ProviderName, baseUrl: string | undefined): Promise<void> {
    if (baseUrl === undefined) {
      await this.#stored.delete(baseEntry(name));
      return;
    }
    const url = URL.canParse(baseUrl) ? new URL(baseUrl) : undefined;
    const isPlain = url !== undefined && url.username === "" && url.search === "" && url.hash === "";
    if (!isPlain || (url.protocol !== "http:" && url.protocol !== "https:")) {
      throw new HoldfastError(
        "vault",
        "invalid_base_url",
        "A base URL must be an http or https address, with a path if needed",
        {
          statusCode: 400,
        },
      );
    }
    await this.#stored.set(baseEntry(name), url.href.replace(/\/$/, ""));
  }

  async upstream(name: ProviderName): Promise<EgressUpstream> {
    const status = await this.#status(name);
    if (!status.available) throw noCredential(status.detail);
    const credential: EgressCredential =
      status.source === undefined ? { kind: "none" } : { kind: "provider", provider: name };
    return { name, baseUrl: status.baseUrl, provider: name, allow: providers[name].allow, credential };
  }

  async setSecret(entry: SecretEntry, value: string): Promise<void> {
    if (!isSecretName(entry.name) || !/^[\x20-\x7e]{8,16384}$/.test(value)) {
      throw new HoldfastError(
        "vault",
        "invalid_secret",
        `A secret needs a name of ${secretNameRule}, and a value of 8 to 16,384 printable characters`,
        { statusCode: 400 },
      );
    }
    this.secrets.add(value);
    await this.#stored.set(secretEntry(entry), value);
  }

  deleteSecret(entry: SecretEntry): Promise<boolean> {
    return this.#stored.delete(secretEntry(entry));
  }

  async secretEntries(): Promise<readonly SecretEntry[]> {
    return (await this.#stored.names()).flatMap((name) => parseSecretEntry(name) ?? []);
  }

  async readSecret(entry: SecretEntry): Promise<string | undefined> {
    const value = await this.#stored.get(secretEntry(entry));
    if (value !== undefined) this.secrets.add(value);
    return value;
  }

  grant(grant: Omit<Grant, "id">): Promise<Grant> {
    return this.#grants.add(grant);
  }

  revoke(id: string): Promise<boolean> {
    return this.#grants.remove(id);
  }

  grants(): Promise<readonly Grant[]> {
    return this.#grants.list();
  }

  /**
   * The headers that present a credential for one request. Throws `vault.no_credential`, `vault.login_expired`,
   * `vault.refresh_failed`, `vault.not_granted`.
   */
  async present(credential: EgressCredential, use?: SecretUse): Promise<PresentedCredential> {
    switch (credential.kind) {
      case "none":
        return { headers: {} };
      case "bearer":
      case "x-api-key":
      case "x-goog-api-key":
        return this.#asHeader(credential.kind, credential.value);
      case "basic":
        return this.#basic(credential.username, credential.value);
      case "secret": {
        const value = await this.#grantedSecret(credential.name, use);
        return credential.as === "basic"
          ? this.#basic(credential.username ?? "", value)
          : this.#asHeader(credential.as, value);
      }
      case "provider":
        return this.#presentProvider(credential.provider, use);
      case "git-token":
        throw new HoldfastError(
          "vault",
          "no_credential",
          "Git tokens are issued by the egress of a jail only",
          {
            statusCode: 503,
          },
        );
    }
  }

  async #grantedSecret(name: string, use: SecretUse | undefined): Promise<string> {
    if (use === undefined)
      throw noCredential(`The secret ${name} can be used by requests through a gate only`);
    const { owner } = await this.#grants.find(name, use);
    const value = await this.#stored.get(secretEntry({ name, owner }));
    if (value === undefined)
      throw noCredential(`The secret ${name} is not stored. Store it, or revoke the grant`);
    return value;
  }

  #asHeader(form: CredentialForm, value: string): PresentedCredential {
    this.secrets.add(value);
    return { headers: form === "bearer" ? { authorization: `Bearer ${value}` } : { [form]: value } };
  }

  #basic(username: string, value: string): PresentedCredential {
    this.secrets.add(value);
    const pair = Buffer.from(`${username}:${value}`).toString("base64");
    this.secrets.add(pair);
    return { headers: { authorization: `Basic ${pair}` } };
  }

  async #presentProvider(name: ProviderName, use: SecretUse | undefined): Promise<PresentedCredential> {
    const definition = providers[name];
    const variable = this.#keyVariable(definition);
    const key = (variable === undefined ? undefined : this.#env[variable]) || (await this.#stored.get(name));
    if (key) return this.#asHeader(definition.keyForm, key);
    const login = this.#logins[name];
    // When the key of another server is deleted, its egress stays open, and must not fall back to the login.
    const isProviderHost = use === undefined || use.host === hostOf(definition.loginBaseUrl);
    if (login === undefined || !isProviderHost) throw noCredential("The key of this provider was deleted");
    const { accessToken, accountId } = await login.token();
    this.secrets.add(accessToken);
    const authorization = `Bearer ${accessToken}`;
    if (name === "anthropic")
      return { headers: { authorization }, appended: { "anthropic-beta": oauthBeta } };
    return {
      headers: { authorization, ...(accountId === undefined ? {} : { "chatgpt-account-id": accountId }) },
    };
  }
}

const hostOf = (address = "") => (URL.canParse(address) ? new URL(address).host : undefined);

const baseEntry = (name: ProviderName) => `base-url ${name}`;

/** Name of the entry of a secret: JSON, so that no two secrets share one. */
function secretEntry({ name, owner }: SecretEntry): string {
  return `secret ${JSON.stringify([owner.organization ?? null, owner.user ?? null, name])}`;
}

function parseSecretEntry(entry: string): SecretEntry | undefined {
  if (!entry.startsWith("secret ")) return undefined;
  const [organization, user, name] = JSON.parse(entry.slice("secret ".length)) as (string | null)[];
  if (typeof name !== "string") return undefined;
  return {
    name,
    owner: {
      ...(typeof organization === "string" ? { organization } : {}),
      ...(typeof user === "string" ? { user } : {}),
    },
  };
}

function noCredential(message: string): HoldfastError {
  return new HoldfastError("vault", "no_credential", message, { statusCode: 503 });
}
