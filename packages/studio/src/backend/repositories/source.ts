import { HoldfastError } from "@holdfast/core";
import { projectPath, repositoryPath } from "../../forges/http/repository-path.ts";
import { addressProblem, readAddress } from "../../forges/repository-address.ts";
import { readSshAddress } from "../../forges/ssh-address.ts";
import { isLoopback } from "../../http/loopback.ts";
import type { AddRepositoryInput, ForgeSource, GitSource, RepositorySource } from "./contract.ts";

/** A source, and the secrets that have to be stored under the names in it. */
export interface NewSource {
  readonly source: RepositorySource;
  readonly secrets: readonly { readonly name: string; readonly value: string }[];
}

/**
 * The source for what a person has entered. Names of secrets begin with `prefix`: nobody can name one of the vault. Throws
 * `repository.invalid_source`, `repository.invalid_address`.
 */
export function newSource(input: AddRepositoryInput, prefix: string): NewSource {
  const given = fieldsOf(input, "input");
  if (given["path"] !== undefined)
    return { source: { kind: "folder", path: textOf(given, "path", 4_096) }, secrets: [] };
  const text = textOf(given, "url", 2_000);
  const problem = addressProblem(text);
  if (problem !== undefined)
    throw new HoldfastError("repository", "invalid_address", problem, { statusCode: 400 });
  if (readSshAddress(text) !== undefined)
    throw invalid("an address over SSH needs a key: begin with beginSsh");
  const { url, guess, fullName, apiUrls } = readAddress(text);
  const token = given["token"] === undefined ? undefined : textOf(given, "token", 4_096).trim();
  const app = given["app"] === undefined ? undefined : fieldsOf(given["app"], "app");
  const kind = given["kind"] ?? (token === undefined && app === undefined ? "git" : guess);
  const tokenName = `${prefix}token`;
  if (kind === "git") {
    if (app !== undefined) throw invalid("only github has apps");
    const username = given["username"] === undefined ? "git" : textOf(given, "username", 200);
    if (/\p{Cc}/u.test(username)) throw invalid("username must be one line");
    const credential = token === undefined ? {} : { credential: { username, secret: tokenName } };
    return { source: { kind: "git", url, ...credential }, secrets: secretOf(tokenName, token) };
  }
  if (kind !== "github" && kind !== "gitlab" && kind !== "gitea")
    throw invalid("kind must be git, github, gitlab or gitea");
  const apiUrl = given["apiUrl"] ?? apiUrls[kind];
  const at = { kind: "forge", forge: kind, apiUrl, fullName };
  if (app !== undefined) {
    const keyName = `${prefix}key`;
    const { appId, installationId } = app;
    const privateKey = textOf(app, "privateKey", 8_192);
    if (!privateKey.includes("PRIVATE KEY")) throw invalid("privateKey must be the PEM file of the App");
    const credential = { kind: "app", appId, installationId, secret: keyName };
    const value = Buffer.from(privateKey).toString("base64");
    return { source: requireSource({ ...at, credential }), secrets: secretOf(keyName, value) };
  }
  if (token === undefined)
    throw invalid(
      `a token is needed for pull requests. Make one at ${new URL(url).host}, or connect it as git`,
    );
  const credential = { kind: "token", secret: tokenName };
  return { source: requireSource({ ...at, credential }), secrets: secretOf(tokenName, token) };
}

function secretOf(name: string, value: string | undefined): NewSource["secrets"] {
  return value === undefined ? [] : [{ name, value }];
}

/** Checks a source that somebody has entered, and drops unknown fields. Throws `repository.invalid_source`. */
export function requireSource(input: unknown): RepositorySource {
  const source = fieldsOf(input, "source");
  if (source["kind"] === "folder") return { kind: "folder", path: textOf(source, "path", 4_096) };
  if (source["kind"] === "git") return requireGitSource(source);
  if (source["kind"] !== "forge") throw invalid("kind must be folder, git or forge");
  const { forge } = source;
  if (forge !== "github" && forge !== "gitlab" && forge !== "gitea")
    throw invalid("forge must be github, gitlab or gitea");
  const fullName = textOf(source, "fullName", 400);
  // They throw for names that could lead elsewhere.
  if (forge === "gitlab") projectPath(fullName);
  else repositoryPath(fullName);
  const apiUrl = requireApiUrl(textOf(source, "apiUrl", 400));
  const credential = requireCredential(source["credential"]);
  if (credential.kind === "app" && forge !== "github") throw invalid("only github has apps");
  const webhook =
    source["webhookSecret"] === undefined ? {} : { webhookSecret: textOf(source, "webhookSecret", 200) };
  return {
    kind: "forge",
    forge,
    apiUrl,
    fullName,
    credential,
    ...webhook,
  };
}

function requireGitSource(given: Readonly<Record<string, unknown>>): GitSource {
  const text = textOf(given, "url", 2_000);
  const problem = addressProblem(text);
  if (problem !== undefined)
    throw new HoldfastError("repository", "invalid_address", problem, { statusCode: 400 });
  const { url } = readAddress(text);
  if (readSshAddress(url) !== undefined) return { kind: "git", url, ssh: requireSsh(given["ssh"]) };
  if (given["credential"] === undefined) return { kind: "git", url };
  const credential = fieldsOf(given["credential"], "credential");
  const username = textOf(credential, "username", 200);
  return { kind: "git", url, credential: { username, secret: textOf(credential, "secret", 200) } };
}

function requireSsh(input: unknown): NonNullable<GitSource["ssh"]> {
  if (input === undefined) throw invalid("an address over SSH needs a key: begin with beginSsh");
  const given = fieldsOf(input, "ssh");
  return {
    ...{ secret: textOf(given, "secret", 200), publicKey: textOf(given, "publicKey", 2_000) },
    ...{ knownHosts: textOf(given, "knownHosts", 4_000), fingerprint: textOf(given, "fingerprint", 100) },
  };
}

function requireCredential(input: unknown): ForgeSource["credential"] {
  const given = fieldsOf(input, "credential");
  const secret = textOf(given, "secret", 200);
  if (given["kind"] === "token") return { kind: "token", secret };
  const { installationId } = given;
  if (given["kind"] !== "app" || typeof installationId !== "number" || !Number.isSafeInteger(installationId))
    throw invalid("credential must be a token, or an app with its appId and installationId");
  return { kind: "app", secret, installationId, appId: textOf(given, "appId", 100) };
}

/** HTTPS, or HTTP to this machine: a token in clear text stays here. */
function requireApiUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (url === undefined || !isSafe || url.username !== "" || url.search !== "" || url.hash !== "")
    throw invalid("apiUrl must be an https address without a user, a query or a fragment");
  return url.href.replace(/\/+$/, "");
}

function fieldsOf(input: unknown, name: string): Readonly<Record<string, unknown>> {
  if (typeof input === "object" && input !== null) return { ...input };
  throw invalid(`${name} must be an object`);
}

function textOf(fields: Readonly<Record<string, unknown>>, name: string, max: number): string {
  const value = fields[name];
  if (typeof value === "string" && value.length > 0 && value.length <= max) return value;
  throw invalid(`${name} must be text of 1 to ${max} characters`);
}

function invalid(message: string): HoldfastError {
  return new HoldfastError(
    "repository",
    "invalid_source",
    `The repository cannot be connected: ${message}.`,
    {
      statusCode: 400,
    },
  );
}
