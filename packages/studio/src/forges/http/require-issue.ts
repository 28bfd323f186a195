import { HoldfastError } from "@holdfast/core";

/** GitHub and Gitea answer with a pull request as an issue too. Throws `forge.not_found` for one. */
export function requireIssue<Row extends { readonly pull_request?: unknown }>(row: Row, number: number): Row {
  if (row.pull_request === undefined || row.pull_request === null) return row;
  const message = `#${number} is a pull request, not an issue. Open it among the pull requests.`;
  throw new HoldfastError("forge", "not_found", message, { statusCode: 404 });
}
