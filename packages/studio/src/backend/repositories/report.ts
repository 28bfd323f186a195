import type { Logger } from "@holdfast/core";
import type { RepositoryPatch, RepositorySummary } from "./contract.ts";
import { RepositoryRows, type RowDatabase } from "./rows.ts";
import { changesOf, type RepositoryState, summaryOf } from "./state.ts";

/** The part of the actor context that a report uses. */
export interface OrganizationContext {
  readonly state: RepositoryState;
  readonly vars: { reportTail: Promise<unknown> };
  readonly db: RowDatabase;
  readonly log: Pick<Logger, "warn" | "error">;
  readonly broadcast: (name: "changed", summary: RepositorySummary) => void;
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action<Result>(call: { readonly name: string; readonly args: readonly unknown[] }): Promise<Result>;
    };
  };
}

/**
 * Sends what has changed in the summary to the organization: the difference from what it has confirmed. A report that fails is
 * part of the next one. One report at a time.
 */
export function reportSummary(c: OrganizationContext): Promise<void> {
  const turn = c.vars.reportTail.then(() => report(c));
  c.vars.reportTail = turn.catch(() => undefined);
  return turn;
}

async function report(c: OrganizationContext): Promise<void> {
  const { state } = c;
  const summary = summaryOf(state, await new RepositoryRows(c.db).counts());
  const changes = changesOf(state.reported, summary);
  if (Object.keys(changes).length === 0) return;
  c.broadcast("changed", summary);
  const { id, revision: base, organization } = state;
  const send = (patch: RepositoryPatch) =>
    c
      .client()
      .get("organization", [organization])
      .action<true | number>({ name: "internal.repositoryChanged", args: [patch] });
  try {
    let revision = base + 1;
    const held = await send({ id, base, revision, changes });
    // The organization has another base: it has lost the row, or this actor the confirmation of an earlier report.
    if (held !== true) {
      revision = held + 1;
      await send({ id, base: 0, revision, changes: summary });
    }
    Object.assign(state, { revision, reported: summary });
  } catch (error) {
    c.log.warn("a repository could not be reported", { id, error });
  }
}
