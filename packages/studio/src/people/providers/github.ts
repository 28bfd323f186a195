import { authorizationCodeRequest, createAuthorizationURL } from "better-auth/oauth2";
import {
  ask,
  askForList,
  type Proof,
  type Provider,
  type ProviderProfile,
  type ProviderSettings,
  type ReadSecret,
  refused,
  subjectAt,
  words,
} from "./provider.ts";

export interface GitHubSettings extends ProviderSettings {
  /** Of GitHub Enterprise Server; https://github.com by default. */
  readonly url?: string;
}

const name = "GitHub";
const scopes = ["read:user", "user:email"];

/** An OAuth App of GitHub: https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps */
export function gitHubProvider(settings: GitHubSettings, readSecret: ReadSecret): Provider {
  const { clientId, url = "https://github.com" } = settings;
  const api = url === "https://github.com" ? "https://api.github.com" : `${url}/api/v3`;
  const exchange = async (code: string, codeVerifier: string, redirectURI: string) => {
    const options = { clientId, clientSecret: await readSecret() };
    const { body, headers } = await authorizationCodeRequest({ code, codeVerifier, redirectURI, options });
    return await ask(name, `${url}/login/oauth/access_token`, {
      ...{ method: "POST", body, headers: { ...headers, accept: "application/json" } },
    });
  };
  return {
    id: "github",
    name,
    authorizationUrl: ({ state, codeVerifier }: Proof, redirectURI) =>
      createAuthorizationURL({
        ...{ id: "github", options: { clientId }, authorizationEndpoint: `${url}/login/oauth/authorize` },
        ...{ scopes, state, codeVerifier, redirectURI },
      }),
    async profileOf(code, { codeVerifier }, redirectURI): Promise<ProviderProfile> {
      const { access_token: token, error } = await exchange(code, codeVerifier, redirectURI);
      if (typeof token !== "string") throw refused(name, words(error) ?? "it gave no token");
      const headers = { authorization: `Bearer ${token}` };
      const user = await ask(name, `${api}/user`, { headers });
      const listed = await askForList(name, `${api}/user/emails`, { headers });
      const emails = (Array.isArray(listed) ? listed : []) as readonly Readonly<Record<string, unknown>>[];
      const chosen = emails.find(({ primary }) => primary === true) ?? emails[0];
      const { id, login } = user;
      if (typeof id !== "number" && typeof id !== "string") throw refused(name, "it did not say whose it is");
      return {
        ...subjectAt(url.replace(/\/+$/, ""), String(id), settings),
        name: words(user["name"]) ?? words(login) ?? "",
        email: words(chosen?.["email"]) ?? "",
        isEmailVerified: chosen?.["verified"] === true,
        ...(typeof login === "string" ? { forgeAccount: { forge: "github", server: api, login } } : {}),
      };
    },
    async check(redirectURI) {
      // A code that nobody has got: the answer says whether the client and its secret are known.
      const { error } = await exchange("check", "check", redirectURI);
      if (error === "bad_verification_code") return "answers: the client and its secret are accepted";
      throw refused(name, words(error) ?? "it does not answer as GitHub does");
    },
  };
}
