import { HoldfastError } from "@holdfast/core";
import { projectPath, repositoryPath } from "../../forges/http/repository-path.ts";
import type { ForgeSource, RepositorySource } from "./contract.ts";

/** Checks a source that somebody has entered, and drops unknown fields. Throws `repository.invalid_source`. */
export function requireSource(input: unknown): RepositorySource {
  const source = fieldsOf(input, "source");
  if (source["kind"] === "folder") return { kind: "folder", path: textOf(source, "path", 4_096) };
  if (source["kind"] !== "forge") throw invalid("kind must be folder or forge");
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
  const isLocal = url?.hostname === "127.0.0.1" || url?.hostname === "localhost" || url?.hostname === "[::1]";
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLocal);
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
