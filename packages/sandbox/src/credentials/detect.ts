import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { CredentialProvider } from "../agents/row.ts";
import { isRecord } from "../http/problem.ts";
import type { Credential } from "./credential.ts";

/** Where credentials are looked for. */
export interface DetectOptions {
  /** HOME whose files are looked into. */
  readonly home: string;
  /** Variables that are looked at, such as `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** False leaves out what a login in a browser has left; true unless given. */
  readonly oauth?: boolean;
}

/** The best credential of each provider that has one. */
export type Credentials = Partial<Readonly<Record<CredentialProvider, Credential>>>;

type Found = Pick<Credential, "provider" | "authType" | "key">;

const variables: readonly (readonly [
  name: string,
  provider: CredentialProvider,
  authType: Found["authType"],
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

/** Files below HOME in the order in which they are asked, each with how it is read. */
const files: readonly (readonly [
  path: string,
  read: (content: Record<string, unknown>) => readonly Found[],
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
 * Looks for credentials where agents keep them: variables first, then files. Of each provider the
 * first one counts. A file that is missing, unreadable or malformed has none. Nothing is sent anywhere.
 */
export async function detectCredentials(options: DetectOptions): Promise<Credentials> {
  const found: Partial<Record<CredentialProvider, Credential>> = {};
  const take = (candidate: Found, source: string) => {
    if (candidate.authType === "oauth" && options.oauth === false) return;
    found[candidate.provider] ??= { ...candidate, source };
  };
  for (const [name, provider, authType] of variables) {
    const key = text(options.env[name]);
    if (key !== undefined) take({ provider, authType, key }, `environment:${name}`);
  }
  for (const [path, read] of files) {
    const content = await readObject(join(options.home, path));
    if (content) for (const each of read(content)) take(each, `~/${path}`);
  }
  return found;
}

async function readObject(path: string): Promise<Record<string, unknown> | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, "utf8"));
    return isRecord(value) ? value : undefined;
  } catch {
    // Agents write these files; what is not there or not readable holds nothing for us.
    return undefined;
  }
}

function claudeConfig(content: Record<string, unknown>): Found[] {
  for (const name of ["primaryApiKey", "apiKey", "anthropicApiKey", "customApiKey"]) {
    const key = text(content[name]);
    if (key !== undefined) return [{ provider: "anthropic", authType: "api_key", key }];
  }
  return [];
}

function claudeLogin(content: Record<string, unknown>): Found[] {
  const login = isRecord(content["claudeAiOauth"]) ? content["claudeAiOauth"] : content;
  const key = text(login["accessToken"]);
  return key === undefined ? [] : [{ provider: "anthropic", authType: "oauth", key }];
}

function codexAuth(content: Record<string, unknown>): Found[] {
  const apiKey = text(content["OPENAI_API_KEY"]);
  if (apiKey !== undefined) return [{ provider: "openai", authType: "api_key", key: apiKey }];
  const tokens = content["tokens"];
  const key = isRecord(tokens) ? text(tokens["access_token"]) : undefined;
  return key === undefined ? [] : [{ provider: "openai", authType: "oauth", key }];
}

const openCodeProviders: Readonly<Record<string, CredentialProvider>> = {
  anthropic: "anthropic",
  openai: "openai",
  google: "google",
  "github-copilot": "github",
};

function openCodeAuth(content: Record<string, unknown>): Found[] {
  return Object.entries(openCodeProviders).flatMap(([name, provider]): Found[] => {
    const entry = content[name];
    if (!isRecord(entry)) return [];
    const apiKey = text(entry["key"]);
    if (apiKey !== undefined) return [{ provider, authType: "api_key", key: apiKey }];
    const key = text(entry["access"]);
    return key === undefined ? [] : [{ provider, authType: "oauth", key }];
  });
}

function ampConfig(content: Record<string, unknown>): Found[] {
  const nested = isRecord(content["anthropic"]) ? content["anthropic"] : {};
  const candidates = [content["anthropicApiKey"], content["apiKey"], nested["apiKey"]];
  const key = candidates.map(text).find((each) => each !== undefined);
  return key === undefined ? [] : [{ provider: "anthropic", authType: "api_key", key }];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
