import { createPrivateKey, sign } from "node:crypto";
import { HoldfastError } from "@holdfast/core";
import type { GitAccess, GitTokenMint, MintedToken } from "./git-tokens.ts";

/** A GitHub App and the installation that tokens are issued for. */
export interface GitHubAppOptions {
  /** `https://api.github.com` by default; for GitHub Enterprise Server `https://HOST/api/v3`. */
  readonly api?: string;
  readonly appId: string;
  readonly installationId: string;
  /** PEM, as GitHub gives it. */
  readonly privateKey: string;
}

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Token that authenticates the app for nine minutes, of GitHub's ten: either clock may be a minute off. */
function appToken({ appId, privateKey }: GitHubAppOptions): string {
  const now = Math.floor(Date.now() / 1_000);
  const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ iat: now - 60, exp: now + 540, iss: appId })}`;
  return `${text}.${sign("sha256", Buffer.from(text), privateKey).toString("base64url")}`;
}

/**
 * Issues installation tokens of a GitHub App, each for the contents of one repository and for an hour at most.
 * Throws `egress.invalid_upstream` for a malformed private key.
 */
export function githubAppTokens(options: GitHubAppOptions): GitTokenMint {
  const { api = "https://api.github.com", installationId } = options;
  try {
    createPrivateKey(options.privateKey);
  } catch {
    throw new HoldfastError(
      "egress",
      "invalid_upstream",
      "The key of the GitHub App is not a private key in PEM format",
      {
        statusCode: 400,
      },
    );
  }
  const ask = async (method: string, path: string, token: string, signal: AbortSignal, body?: object) => {
    const response = await fetch(`${api.replace(/\/$/, "")}${path}`, {
      method,
      signal,
      // A token must go to the configured address only.
      redirect: "error",
      headers: {
        accept: "application/vnd.github+json",
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        "user-agent": "holdfast",
        "x-github-api-version": "2022-11-28",
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`GitHub answered ${response.status}`);
    }
    return response;
  };
  return {
    username: "x-access-token",
    async mint(repository: string, access: GitAccess, signal): Promise<MintedToken> {
      const path = `/app/installations/${encodeURIComponent(installationId)}/access_tokens`;
      const response = await ask("POST", path, appToken(options), signal, {
        repositories: [repository.slice(repository.lastIndexOf("/") + 1)],
        permissions: { contents: access },
      });
      const answer: unknown = await response.json();
      const value: unknown = Reflect.get(Object(answer), "token");
      const expiresAt = Date.parse(String(Reflect.get(Object(answer), "expires_at")));
      if (typeof value !== "string" || value === "" || !Number.isFinite(expiresAt))
        throw new Error("GitHub's answer has no token");
      return { value, expiresAt };
    },
    async revoke({ value }, signal): Promise<void> {
      const response = await ask("DELETE", "/installation/token", value, signal);
      await response.body?.cancel();
    },
  };
}
