import type { Issue } from "../../forges/forge.ts";
import type { BackendHost } from "../host.ts";
import type { PullRequestQuery, PullRequestView } from "../repositories/contract.ts";
import { RepositoryRows, type RowDatabase } from "../repositories/rows.ts";
import type { RepositoryState } from "../repositories/state.ts";
import { type IssuePage, readIssue, readIssues } from "./issues.ts";
import { openedIssues } from "./opened-items.ts";

/** The part of the repository's context that is used. */
export interface ItemContext {
  readonly state: RepositoryState;
  readonly db: RowDatabase;
  readonly abortSignal: AbortSignal;
}

const maxPullRequests = 200;

/** Actions of a repository that list its pull requests and issues. */
export function itemActions(host: Pick<BackendHost, "forges">) {
  return {
    pullRequests(c: ItemContext, query?: PullRequestQuery): Promise<readonly PullRequestView[]> {
      const limit = Math.max(1, Math.min(maxPullRequests, Math.floor(Number(query?.limit ?? 50)) || 50));
      const before = Number(query?.before ?? Number.MAX_SAFE_INTEGER) || Number.MAX_SAFE_INTEGER;
      const { state, withoutTask } = query ?? {};
      return new RepositoryRows(c.db).pullRequests({
        ...{ limit, before },
        ...(state === undefined ? {} : { state }),
        ...(withoutTask === true ? { withoutTask } : {}),
      });
    },

    issue: (c: ItemContext, number: number): Promise<Issue> =>
      readIssue(host, c.state.source, number, c.abortSignal),

    async issues(c: ItemContext, page?: number, withoutTask?: boolean): Promise<IssuePage> {
      const found = await readIssues(host, c.state.source, page, c.abortSignal);
      if (withoutTask !== true) return found;
      const opened = await openedIssues(c.db);
      return { ...found, items: found.items.filter(({ number }) => !opened.has(number)) };
    },
  };
}
