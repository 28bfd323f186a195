/** An authorization server as the SDK has it, and a client of MCP that signs in there. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { DemoInMemoryAuthProvider } from "@modelcontextprotocol/sdk/examples/server/demoInMemoryOAuthProvider.js";
import { mcpAuthRouter } from "@modelcontextprotocol/sdk/server/auth/router.js";
import type { OAuthClientInformationMixed, OAuthTokens } from "@modelcontextprotocol/sdk/shared/auth.js";
import express from "express";

export interface AuthorizationServer {
  readonly issuer: string;
  readonly provider: DemoInMemoryAuthProvider;
  close(): void;
}

export async function startAuthorizationServer(): Promise<AuthorizationServer> {
  const application = express();
  const server = createServer(application).listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const provider = new DemoInMemoryAuthProvider();
  application.use(mcpAuthRouter({ provider, issuerUrl: new URL(issuer), scopesSupported: ["notes"] }));
  return {
    issuer,
    provider,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** What a client keeps of its sign-in. Its person agrees to everything: `code` is what the redirect brings. */
export class SignIn implements OAuthClientProvider {
  readonly redirectUrl = "http://127.0.0.1:9/callback";
  readonly clientMetadata = {
    client_name: "a test",
    redirect_uris: [this.redirectUrl],
    scope: "notes",
    token_endpoint_auth_method: "client_secret_post",
  };
  code = "";
  authorizationUrl: URL | undefined;
  #client: OAuthClientInformationMixed | undefined;
  #tokens: OAuthTokens | undefined;
  #verifier = "";

  clientInformation(): OAuthClientInformationMixed | undefined {
    return this.#client;
  }
  saveClientInformation(client: OAuthClientInformationMixed): void {
    this.#client = client;
  }
  tokens(): OAuthTokens | undefined {
    return this.#tokens;
  }
  saveTokens(tokens: OAuthTokens): void {
    this.#tokens = tokens;
  }
  saveCodeVerifier(verifier: string): void {
    this.#verifier = verifier;
  }
  codeVerifier(): string {
    return this.#verifier;
  }
  async redirectToAuthorization(url: URL): Promise<void> {
    this.authorizationUrl = url;
    const response = await fetch(url, { redirect: "manual" });
    this.code = new URL(response.headers.get("location") ?? "").searchParams.get("code") ?? "";
  }
}
