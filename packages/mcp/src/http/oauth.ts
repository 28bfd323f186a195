import { HoldfastError, systemClock } from "@holdfast/core";
import type { OAuthOptions, VerifiedToken } from "../options.ts";
import type { Target } from "../tools/actor-calls.ts";

export const metadataPrefix = "/.well-known/oauth-protected-resource";

/** Metadata of a protected resource: RFC 9728, section 2. */
export function resourceMetadata(
  resource: string,
  { authorizationServers, scopes, resourceName }: OAuthOptions,
) {
  return {
    resource,
    authorization_servers: authorizationServers,
    bearer_methods_supported: ["header"],
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    ...(resourceName === undefined ? {} : { resource_name: resourceName }),
  };
}

/** A request that its sender has to repeat with another token. */
export class TokenRefused extends Error {
  readonly error: HoldfastError;
  /** The code of RFC 6750, section 3.1; undefined for a request without a token. */
  readonly reason: "invalid_token" | "insufficient_scope" | undefined;

  constructor(reason: TokenRefused["reason"], error: HoldfastError) {
    super(error.message);
    this.reason = reason;
    this.error = error;
  }

  /** The header `WWW-Authenticate`: RFC 6750, section 3, and RFC 9728, section 5.1. */
  challenge(metadataUrl: string, scopes: readonly string[] = []): string {
    const fields = [
      ...(this.reason === undefined ? [] : [`error="${this.reason}"`, `error_description="${this.message}"`]),
      ...(scopes.length === 0 ? [] : [`scope="${scopes.join(" ")}"`]),
      `resource_metadata="${metadataUrl}"`,
    ];
    return `Bearer ${fields.join(", ")}`;
  }
}

/** Returns what the bearer token of a request proves. Throws {@link TokenRefused}. */
export async function verifyBearer(
  request: Request,
  target: Target,
  resource: string,
  { verify, scopes = [] }: OAuthOptions,
): Promise<VerifiedToken> {
  const given = request.headers.get("authorization");
  const [, token] = /^Bearer +([\w.~+/-]+=*)$/i.exec(given ?? "") ?? [];
  if (token === undefined) throw refused(undefined, "A bearer token is required");
  const verified = await verify(token, { request, ...target });
  if (verified === undefined) throw refused("invalid_token", "The token is not valid");
  const { expiresAt, audience, scopes: granted = [] } = verified;
  if (expiresAt !== undefined && expiresAt <= systemClock.now())
    throw refused("invalid_token", "The token has expired");
  if (audience !== undefined && ![audience].flat().some((each) => isFor(each, resource)))
    throw refused("invalid_token", "The token was issued for another resource");
  const missing = scopes.filter((scope) => !granted.includes(scope));
  if (missing.length > 0) {
    const message = `The token lacks the scope ${missing.join(" ")}`;
    const error = new HoldfastError("mcp", "insufficient_scope", message, { statusCode: 403 });
    throw new TokenRefused("insufficient_scope", error);
  }
  return verified;
}

/** A token for a server is one for all that lies below it. */
function isFor(audience: string, resource: string): boolean {
  const base = audience.replace(/\/$/, "");
  return resource === base || resource.startsWith(`${base}/`);
}

function refused(reason: TokenRefused["reason"], message: string): TokenRefused {
  return new TokenRefused(reason, new HoldfastError("mcp", "unauthorized", message, { statusCode: 401 }));
}
