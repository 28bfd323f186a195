import type { PullRequestDetails, TaskPullRequest } from "../../contract/publish.ts";
import type { PublicationState, PullRequestReading } from "./state.ts";

/** The part of an actor's key-value store that is used. */
export interface PullRequestKv {
  get(key: string): Promise<string | null>;
  put(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
}

interface Row {
  readonly version: 1;
  readonly details: PullRequestDetails;
}

const key = "publish/pull-request";

/** The pull request of a task with its checks and comments: one row. */
export class PullRequestStore {
  async read(kv: PullRequestKv): Promise<PullRequestDetails | undefined> {
    const row = await kv.get(key);
    return row === null ? undefined : (JSON.parse(row) as Row).details;
  }

  clear(kv: PullRequestKv): Promise<void> {
    return kv.delete(key);
  }

  /** Takes a reading unless a newer one is known. `shown` when the task's own view of it has changed. */
  async take(
    kv: PullRequestKv,
    publication: PublicationState,
    reading: PullRequestReading,
  ): Promise<"old" | "kept" | "shown"> {
    const known = await this.read(kv);
    const before = publication.pullRequest;
    if (before === undefined) return "old";
    if ("error" in reading) {
      if (known === undefined) return "old";
      await this.#write(kv, { ...known, readError: reading.error });
      return "kept";
    }
    const { repository } = before;
    const details = { ...reading.details, repository };
    if (known !== undefined && known.number === details.number && known.readAt > details.readAt) return "old";
    const { number, webUrl, title, state, isDraft, checks } = details;
    const view: TaskPullRequest = { repository, number, webUrl, title, state, isDraft, checks };
    const isShown = JSON.stringify(view) !== JSON.stringify({ ...before });
    publication.pullRequest = view;
    publication.headCommit = details.headCommit;
    await this.#write(kv, details);
    return isShown ? "shown" : "kept";
  }

  async #write(kv: PullRequestKv, details: PullRequestDetails): Promise<void> {
    const row: Row = { version: 1, details };
    await kv.put(key, JSON.stringify(row));
  }
}
