import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CredentialProvider } from "../agents/row.ts";
import { isRecord } from "../http/problem.ts";
import type { Credential } from "./credential.ts";

/** Where to search for credentials. */
export interface DetectOptions {
  /** Home directory whose files are searched. */
  readonly home: string;
  /** Environment variables to search, such as `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False skips tokens of browser logins. Default: true. */
  readonly oauth?: boolean;
}

/** The preferred credential of each provider. */
export type Credentials = Partial<Readonly<Record<CredentialProvider, Credential>>>;

type FoundCredential = Pick<Credential, "provider" | "authType" | "key">;

const variables: readonly (readonly [
  name: string,
  provider: CredentialProvider,
  authType: FoundCredential["authType"],
])[] = [
  ["ANTHROPIC_API_KEY", "anthropic", "api_key"],
  ["CLAUDE_API_KEY", "anthropic", "api_key"],
  ["CLAUDE_CODE_OAUTH_TOKEN", "anthropic", "oauth"],
  ["ANTHROPIC_AUTH_TOKEN", "anthropic", "oauth"],
  ["OPENAI_API_KEY", "openai", "api_key"],
  ["CODEX_API_KEY", "openai", "api_key"],
  ["GEMINI_API_KEY", "google", "api_key"],
  ["GOOGLE_API_KEY", "google", "api_key"],
  ["COPILOT_GITHUB_TOKEN", "github", "oauth"],
  ["GH_TOKEN", "github", "oauth"],
  ["GITHUB_TOKEN", "github", "oauth"],
];

/** Files below HOME in order of preference, each with its parser. */
const files: readonly (readonly [
  path: string,
  read: (content: Record<string, unknown>) => readonly FoundCredential[],
])[] = [
  [".claude.json.api", claudeConfig],
  [".claude.json", claudeConfig],
  [".claude/.credentials.json", claudeLogin],
  [".claude-oauth-credentials.json", claudeLogin],
  [".codex/auth.json", codexAuth],
  [".local/share/opencode/auth.json", openCodeAuth],
  [".amp/config.json", ampConfig],
];

/**
 * Searches the places where agents store credentials: environment variables first, then files. The first credential of
 * each provider wins. A file that is missing, unreadable or malformed is skipped. Nothing is sent anywhere.
 */
export async function detectCredentials(options: DetectOptions): Promise<Credentials> {
  const credentials: Partial<Record<CredentialProvider, Credential>> = {};
  const add = (candidate: FoundCredential, source: string) => {
    if (candidate.authType === "oauth" && options.oauth === false) return;
    credentials[candidate.provider] ??= { ...candidate, source };
  };
  for (const [name, provider, authType] of variables) {
    const key = nonEmptyText(options.env[name]);
    if (key !== undefined) add({ provider, authType, key }, `environment:${name}`);
  }
  for (const [path, read] of files) {
    const content = await readObject(join(options.home, path));
    if (content) for (const each of read(content)) add(each, `~/${path}`);
  }
  return credentials;
}

async function readObject(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    // Agents write these files. A missing or malformed one is not our error.
    return undefined;
  }
}

function claudeConfig(content: Record<string, unknown>): FoundCredential[] {
  for (const name of ["primaryApiKey", "apiKey", "anthropicApiKey", "customApiKey"]) {
    const key = nonEmptyText(content[name]);
    if (key !== undefined) return [{ provider: "anthropic", authType: "api_key", key }];
  }
  return [];
}

function claudeLogin(content: Record<string, unknown>): FoundCredential[] {
  const login = isRecord(content["claudeAiOauth"]) ? content["claudeAiOauth"] : content;
  const key = nonEmptyText(login["accessToken"]);
  return key === undefined ? [] : [{ provider: "anthropic", authType: "oauth", key }];
}

function codexAuth(content: Record<string, unknown>): FoundCredential[] {
  const apiKey = nonEmptyText(content["OPENAI_API_KEY"]);
  if (apiKey !== undefined) return [{ provider: "openai", authType: "api_key", key: apiKey }];
  const tokens = content["tokens"];
  const key = isRecord(tokens) ? nonEmptyText(tokens["access_token"]) : undefined;
  return key === undefined ? [] : [{ provider: "openai", authType: "oauth", key }];
}

const openCodeProviders: Readonly<Record<string, CredentialProvider>> = {
  anthropic: "anthropic",
  openai: "openai",
  google: "google",
  "github-copilot": "github",
};

function openCodeAuth(content: Record<string, unknown>): FoundCredential[] {
  return Object.entries(openCodeProviders).flatMap(([name, provider]): FoundCredential[] => {
    const entry = content[name];
    if (!isRecord(entry)) return [];
    const apiKey = nonEmptyText(entry["key"]);
    if (apiKey !== undefined) return [{ provider, authType: "api_key", key: apiKey }];
    const key = nonEmptyText(entry["access"]);
    return key === undefined ? [] : [{ provider, authType: "oauth", key }];
  });
}

function ampConfig(content: Record<string, unknown>): FoundCredential[] {
  const nested = isRecord(content["anthropic"]) ? content["anthropic"] : {};
  const candidates = [content["anthropicApiKey"], content["apiKey"], nested["apiKey"]];
  const key = candidates.map(nonEmptyText).find((each) => each !== undefined);
  return key === undefined ? [] : [{ provider: "anthropic", authType: "api_key", key }];
}

function nonEmptyText(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
