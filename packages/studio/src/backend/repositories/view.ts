import { HoldfastError } from "@holdfast/core";
import type { RepositoryView } from "./contract.ts";
import type { RepositoryCounts } from "./rows.ts";
import { type RepositoryState, summaryOf } from "./state.ts";
import { webhookOf } from "./webhooks/webhook.ts";

/** A repository for its page. */
export function viewOf(state: RepositoryState, counts: RepositoryCounts): RepositoryView {
  const webhook = webhookOf(state);
  return {
    ...summaryOf(state, counts),
    source: state.source,
    archivesMerged: state.archivesMerged === true,
    ...(webhook === undefined ? {} : { webhook }),
  };
}

/** Whether tasks are archived when their pull requests were merged. Throws `repository.invalid_input`. */
export function setArchiving(state: RepositoryState, isOn: unknown): void {
  if (typeof isOn !== "boolean") {
    const message = "`isOn` must be true or false";
    throw new HoldfastError("repository", "invalid_input", message, { statusCode: 400 });
  }
  state.archivesMerged = isOn;
}
