import { authorizationCodeRequest, createAuthorizationURL, validateToken } from "better-auth/oauth2";
import {
  ask,
  type Proof,
  type Provider,
  type ProviderProfile,
  type ProviderSettings,
  type ReadSecret,
  refused,
  subjectAt,
  words,
} from "./provider.ts";

export interface OidcSettings extends ProviderSettings {
  /** Where its `.well-known/openid-configuration` is. */
  readonly issuer: string;
  /** What people read. */
  readonly name?: string;
}

/** What is used of https://openid.net/specs/openid-connect-discovery-1_0.html */
interface Discovered {
  readonly authorization: string;
  readonly token: string;
  readonly keys: string;
  readonly userInfo: string | undefined;
}

const discoveryMs = 10 * 60 * 1000;
const clockToleranceSeconds = 60;

/** A server that speaks OpenID Connect, with the code flow and PKCE. */
export function oidcProvider(settings: OidcSettings, readSecret: ReadSecret, now: () => number): Provider {
  const { clientId, issuer, name = "your organization" } = settings;
  let known: { readonly found: Discovered; readonly until: number } | undefined;

  // The client's secret is sent there, and people are. Only a server without TLS may name others without.
  const isSafe = (text: string): boolean => {
    const protocol = URL.canParse(text) ? new URL(text).protocol : "";
    return protocol === "https:" || (protocol === "http:" && /^http:/i.test(issuer));
  };

  const discover = async (): Promise<Discovered> => {
    if (known !== undefined && known.until > now()) return known.found;
    const document = await ask(name, `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
    if (document["issuer"] !== issuer) throw refused(name, `its issuer is not ${issuer}`);
    const url = (field: string): string => {
      const value = document[field];
      if (typeof value === "string" && isSafe(value)) return value;
      throw refused(name, `its configuration has no ${field} that begins with https://`);
    };
    const found: Discovered = {
      authorization: url("authorization_endpoint"),
      token: url("token_endpoint"),
      keys: url("jwks_uri"),
      userInfo: document["userinfo_endpoint"] === undefined ? undefined : url("userinfo_endpoint"),
    };
    known = { found, until: now() + discoveryMs };
    return found;
  };

  const claimsOf = async (idToken: string, keys: string, nonce: string) => {
    const { payload } = await validateToken(idToken, keys, {
      ...{ audience: clientId, issuer, requiredClaims: ["sub", "exp", "iat"] },
      clockTolerance: clockToleranceSeconds,
    }).catch((error: unknown) => {
      throw refused(name, "its proof of who you are is not valid", error);
    });
    const claims = payload as Readonly<Record<string, unknown>>;
    if (claims["nonce"] !== nonce) throw refused(name, "its proof is for another sign-in");
    return claims;
  };

  return {
    id: "oidc",
    name,
    async authorizationUrl({ state, codeVerifier, nonce }: Proof, redirectURI) {
      const { authorization } = await discover();
      return await createAuthorizationURL({
        ...{ id: "oidc", options: { clientId }, authorizationEndpoint: authorization },
        ...{ scopes: ["openid", "email", "profile"], state, codeVerifier, redirectURI, nonce },
      });
    },
    async profileOf(code, { codeVerifier, nonce }, redirectURI): Promise<ProviderProfile> {
      const { token, keys, userInfo } = await discover();
      const options = { clientId, clientSecret: await readSecret() };
      const input = { code, codeVerifier, redirectURI, options };
      const { body, headers } = await authorizationCodeRequest(input);
      const tokens = await ask(name, token, { method: "POST", body, headers });
      const { id_token: idToken, access_token: accessToken } = tokens;
      if (typeof idToken !== "string") throw refused(name, "it gave no proof of who you are");
      const claims = await claimsOf(idToken, keys, nonce);
      const subject = String(claims["sub"]);
      let told = claims;
      if (claims["email"] === undefined && userInfo !== undefined && typeof accessToken === "string") {
        const more = await ask(name, userInfo, { headers: { authorization: `Bearer ${accessToken}` } });
        // The answer could be about somebody else: OpenID Connect Core 5.3.4.
        if (more["sub"] !== subject) throw refused(name, "its answers are about two people");
        told = { ...more, ...claims };
      }
      const email = words(told["email"]) ?? "";
      return {
        ...subjectAt(issuer, subject, settings),
        ...{ email, isEmailVerified: told["email_verified"] === true },
        name: words(told["name"]) ?? words(told["preferred_username"]) ?? email.split("@", 1)[0] ?? "",
      };
    },
    async check() {
      known = undefined;
      const { keys } = await discover();
      await ask(name, keys);
      await readSecret();
      return `answers: ${issuer} offers sign-in`;
    },
  };
}
