import type { AnyDefinition } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import { mcpLimits } from "./limits.ts";

/** As much of a registry as its MCP server uses; what `setup()` returns has it. */
export interface McpRegistry {
  readonly settings: { readonly use: Readonly<Record<string, AnyDefinition>> };
  handler(request: Request): Promise<Response>;
}

/** What a token proves. */
export interface VerifiedToken {
  /** Whom the token speaks for. A session belongs to one subject. */
  readonly subject: string;
  /** Scopes that it was granted. */
  readonly scopes?: readonly string[];
  /** Milliseconds since the epoch. */
  readonly expiresAt?: number;
  /** The resources that the token was issued for (RFC 8707): one of them has to be this server. */
  readonly audience?: string | readonly string[];
}

/** Access with OAuth bearer tokens. */
export interface OAuthOptions {
  /** Issuers whose tokens are accepted; clients go there to get one. */
  readonly authorizationServers: readonly string[];
  /** Returns what the token proves, or undefined for one that is not valid. */
  readonly verify: (
    token: string,
    about: { readonly request: Request; readonly name: string; readonly key: readonly string[] },
  ) => VerifiedToken | undefined | Promise<VerifiedToken | undefined>;
  /** Scopes that a token needs. */
  readonly scopes?: readonly string[];
  /** Name of the server for people who are asked to let a client in. */
  readonly resourceName?: string;
}

/** Options of `mcp()`. */
export interface McpOptions {
  /** First part of the path: "/mcp" by default. */
  readonly path?: string;
  /** Origin by which clients know this server, if a proxy stands before it: "https://actors.example.com". */
  readonly publicUrl?: string;
  /** False: a call for an actor that does not exist fails. By default it creates the actor. */
  readonly create?: boolean;
  /** What models are told about an actor's tools, by the name of the actor. */
  readonly instructions?: Readonly<Record<string, string>>;
  /** Signs the ids of sessions, so that they outlive a restart and are known to each node. Random by default. */
  readonly secret?: string;
  /** Clients need a bearer token. Without it, the server asks for none. */
  readonly oauth?: OAuthOptions;
  /** Serves all other paths. */
  readonly next?: { fetch(request: Request): Response | Promise<Response> };
}

/** Throws `mcp.invalid_definition`. */
export function checkOptions({ path, publicUrl, secret, oauth }: McpOptions, names: readonly string[]): void {
  if (path !== undefined && !/^(?:\/[\w.-]+)+$/.test(path))
    throw invalid(`path "${path}" is not a path such as "/mcp"`);
  if (publicUrl !== undefined && (!URL.canParse(publicUrl) || new URL(publicUrl).origin !== publicUrl))
    throw invalid(`publicUrl "${publicUrl}" is not an origin such as "https://example.com"`);
  if (secret !== undefined && secret.length < mcpLimits.minSecretLength)
    throw invalid(`secret has fewer than ${mcpLimits.minSecretLength} characters`);
  if (oauth !== undefined) {
    if (typeof oauth.verify !== "function") throw invalid("oauth.verify is not a function");
    if (
      oauth.authorizationServers.length === 0 ||
      !oauth.authorizationServers.every((url) => URL.canParse(url))
    )
      throw invalid("oauth.authorizationServers is not a list of URLs");
  }
  if (names.length === 0)
    throw invalid("no action of the registry has `mcp`: declare tools with action({ mcp: true, ... })");
}

export function invalid(why: string): HoldfastError {
  return new HoldfastError("mcp", "invalid_definition", `mcp(): ${why}`, { statusCode: 500 });
}
