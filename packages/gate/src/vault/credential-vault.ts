import { homedir } from "node:os";
import { type Clock, HoldfastError } from "@holdfast/core";
import type { VaultConfig } from "../config.ts";
import type { EgressAllowRule, EgressCredential, EgressUpstream, ProviderName } from "../egress/egress.ts";
import { CredentialFile } from "./credential-file.ts";
import { chatgptLogin, claudeLogin, type Login } from "./logins.ts";
import { KnownSecrets } from "./secrets.ts";
import type { CredentialSource, ProviderStatus, Vault } from "./vault.ts";

/** Headers that present a credential to an upstream. */
export interface PresentedCredential {
  readonly headers: Readonly<Record<string, string>>;
  /** Added to the list in the agent's own header of that name. */
  readonly appended?: Readonly<Record<string, string>>;
}

interface Provider {
  readonly keyVariable: string;
  readonly baseVariable: string;
  readonly baseUrl: string;
  readonly loginBaseUrl: string;
  readonly login: Login;
  readonly loginName: string;
  readonly allow: readonly EgressAllowRule[];
}

const names: readonly ProviderName[] = ["anthropic", "openai"];

/** Beta flag by which Anthropic's API accepts a login instead of a key. */
const oauthBeta = "oauth-2025-04-20";

export class CredentialVault implements Vault {
  readonly secrets = new KnownSecrets();
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #file: CredentialFile;
  readonly #useLogins: boolean;
  readonly #providers: Readonly<Record<ProviderName, Provider>>;

  constructor(directory: string, config: VaultConfig, clock: Clock) {
    this.#env = config.env ?? process.env;
    this.#file = new CredentialFile(directory);
    this.#useLogins = config.logins ?? true;
    const home = config.homeDir ?? homedir();
    const claudeUrl = config.claudeTokenUrl ?? "https://console.anthropic.com/v1/oauth/token";
    const chatgptUrl = config.chatgptTokenUrl ?? "https://auth.openai.com/oauth/token";
    this.#providers = {
      anthropic: {
        keyVariable: "ANTHROPIC_API_KEY",
        baseVariable: "HOLDFAST_ANTHROPIC_BASE_URL",
        baseUrl: "https://api.anthropic.com",
        loginBaseUrl: "https://api.anthropic.com",
        login: claudeLogin(home, claudeUrl, clock),
        loginName: "the Claude login of this person",
        allow: [
          { methods: ["POST"], pathPrefix: "/v1/messages" },
          { methods: ["GET"], pathPrefix: "/v1/models" },
        ],
      },
      openai: {
        keyVariable: "OPENAI_API_KEY",
        baseVariable: "HOLDFAST_OPENAI_BASE_URL",
        baseUrl: "https://api.openai.com/v1",
        loginBaseUrl: "https://chatgpt.com/backend-api/codex",
        login: chatgptLogin(home, chatgptUrl, clock),
        loginName: "the ChatGPT login of this person",
        allow: [
          { methods: ["POST"], pathPrefix: "/responses" },
          { methods: ["POST"], pathPrefix: "/chat/completions" },
          { methods: ["GET"], pathPrefix: "/models" },
        ],
      },
    };
    // Known from the start, so that no log written before the first request can carry them.
    for (const name of names) {
      const key = this.#env[this.#providers[name].keyVariable];
      if (key !== undefined) this.secrets.add(key);
    }
  }

  redact(text: string): string {
    return this.secrets.redact(text);
  }

  async status(): Promise<readonly ProviderStatus[]> {
    return Promise.all(names.map((name) => this.#status(name)));
  }

  async #status(name: ProviderName): Promise<ProviderStatus> {
    const provider = this.#providers[name];
    const source = await this.#source(name);
    const base = this.#baseUrl(name, source);
    if (source !== undefined) {
      const where: Record<CredentialSource, string> = {
        environment: `the variable ${provider.keyVariable}`,
        stored: "a stored API key",
        login: provider.loginName,
      };
      return { provider: name, available: true, source, baseUrl: base, detail: `uses ${where[source]}` };
    }
    if (this.#env[provider.baseVariable]) {
      return {
        provider: name,
        available: true,
        baseUrl: base,
        detail: "a server of your own, without a key",
      };
    }
    const detail = `no credential: set ${provider.keyVariable}, or run: npx holdfast auth api-key ${name}`;
    return { provider: name, available: false, baseUrl: base, detail };
  }

  async #source(name: ProviderName): Promise<CredentialSource | undefined> {
    const provider = this.#providers[name];
    if (this.#env[provider.keyVariable]) return "environment";
    if ((await this.#file.get(name)) !== undefined) return "stored";
    // A login is for the provider's own service; it is never shown to a server of another address.
    const own = !this.#env[provider.baseVariable];
    if (this.#useLogins && own && (await provider.login.present())) return "login";
    return undefined;
  }

  #baseUrl(name: ProviderName, source: CredentialSource | undefined): string {
    const provider = this.#providers[name];
    const override = this.#env[provider.baseVariable];
    if (override) return override;
    return source === "login" ? provider.loginBaseUrl : provider.baseUrl;
  }

  async setApiKey(name: ProviderName, key: string): Promise<void> {
    const trimmed = key.trim();
    if (!/^[\x21-\x7e]{8,4096}$/.test(trimmed)) {
      throw new HoldfastError(
        "vault",
        "invalid_key",
        "An API key is 8 to 4,096 printable characters without spaces",
        {
          statusCode: 400,
        },
      );
    }
    this.secrets.add(trimmed);
    await this.#file.set(name, trimmed);
  }

  deleteApiKey(name: ProviderName): Promise<boolean> {
    return this.#file.delete(name);
  }

  async upstream(name: ProviderName): Promise<EgressUpstream> {
    const source = await this.#source(name);
    const provider = this.#providers[name];
    if (source === undefined && !this.#env[provider.baseVariable])
      throw noCredential((await this.#status(name)).detail);
    const credential: EgressCredential =
      source === undefined ? { kind: "none" } : { kind: "provider", provider: name };
    return { name, baseUrl: this.#baseUrl(name, source), provider: name, allow: provider.allow, credential };
  }

  /** The headers for one request. Throws `vault.no_credential`, `vault.login_expired`, `vault.refresh_failed`. */
  async present(credential: EgressCredential): Promise<PresentedCredential> {
    switch (credential.kind) {
      case "none":
        return { headers: {} };
      case "bearer":
        this.secrets.add(credential.value);
        return { headers: { authorization: `Bearer ${credential.value}` } };
      case "x-api-key":
        this.secrets.add(credential.value);
        return { headers: { "x-api-key": credential.value } };
      case "provider":
        return this.#presentProvider(credential.provider);
    }
  }

  async #presentProvider(name: ProviderName): Promise<PresentedCredential> {
    const provider = this.#providers[name];
    const key = this.#env[provider.keyVariable] || (await this.#file.get(name));
    if (key) {
      this.secrets.add(key);
      return { headers: name === "anthropic" ? { "x-api-key": key } : { authorization: `Bearer ${key}` } };
    }
    if (!this.#useLogins) throw noCredential("no key is left for this provider");
    const { accessToken, accountId } = await provider.login.token();
    this.secrets.add(accessToken);
    const authorization = `Bearer ${accessToken}`;
    if (name === "anthropic")
      return { headers: { authorization }, appended: { "anthropic-beta": oauthBeta } };
    return {
      headers: { authorization, ...(accountId === undefined ? {} : { "chatgpt-account-id": accountId }) },
    };
  }
}

function noCredential(message: string): HoldfastError {
  return new HoldfastError("vault", "no_credential", message, { statusCode: 503 });
}
