import { HoldfastError } from "@holdfast/core";
import type { ForgePage, Issue } from "../../forges/forge.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { RepositorySource } from "../repositories/contract.ts";

export type IssuePage = ForgePage<Issue>;

/** Open issues as they are at the forge now. None of them is an actor. Throws `repository.no_issues`, `forge.*`. */
export async function readIssues(
  { forges }: Pick<BackendHost, "forges">,
  source: RepositorySource,
  page: unknown,
  signal: AbortSignal,
): Promise<IssuePage> {
  if (source.kind !== "forge") {
    const message = "Only repositories of GitHub, GitLab and Gitea have issues.";
    throw new HoldfastError("repository", "no_issues", message, { statusCode: 409 });
  }
  const wanted = typeof page === "number" && Number.isSafeInteger(page) && page > 0 ? page : 1;
  const { items, nextPage } = await (await forges.open(source)).issues(source.fullName, wanted, signal);
  const max = studioLimits.maxEventTextCharacters;
  // Texts of a page can exceed what an answer may carry.
  return { items: items.map((issue) => ({ ...issue, body: issue.body.slice(0, max) })), nextPage };
}
