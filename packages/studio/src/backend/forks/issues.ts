import { HoldfastError } from "@holdfast/core";
import type { ForgePage, Issue } from "../../forges/forge.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { ForgeSource, RepositorySource } from "../repositories/contract.ts";

export type IssuePage = ForgePage<Issue>;

/** Open issues as they are at the forge now. None of them is an actor. Throws `repository.no_issues`, `forge.*`. */
export async function readIssues(
  { forges }: Pick<BackendHost, "forges">,
  source: RepositorySource,
  page: unknown,
  signal: AbortSignal,
): Promise<IssuePage> {
  const found = requireForge(source);
  const wanted = typeof page === "number" && Number.isSafeInteger(page) && page > 0 ? page : 1;
  const { items, nextPage } = await (await forges.open(found)).issues(found.fullName, wanted, signal);
  const max = studioLimits.maxEventTextCharacters;
  // Texts of a page can exceed what an answer may carry.
  return { items: items.map((issue) => ({ ...issue, body: issue.body.slice(0, max) })), nextPage };
}

/** One issue with its text, open or closed. Throws `repository.no_issues`, `forge.*`. */
export async function readIssue(
  { forges }: Pick<BackendHost, "forges">,
  source: RepositorySource,
  number: unknown,
  signal: AbortSignal,
): Promise<Issue> {
  const found = requireForge(source);
  if (typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) {
    const message = "There is no such issue. Choose one of the repository's list.";
    throw new HoldfastError("forge", "not_found", message, { statusCode: 404 });
  }
  const issue = await (await forges.open(found)).issue(found.fullName, number, signal);
  return { ...issue, body: issue.body.slice(0, studioLimits.maxPullRequestTextCharacters) };
}

function requireForge(source: RepositorySource): ForgeSource {
  if (source.kind === "forge") return source;
  const message = "Only repositories of GitHub, GitLab and Gitea have issues.";
  throw new HoldfastError("repository", "no_issues", message, { statusCode: 409 });
}
