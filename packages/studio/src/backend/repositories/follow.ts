import { HoldfastError, isErrorCode, isHoldfastError } from "@holdfast/core";
import type { PullRequestDetails } from "../../contract/publish.ts";
import type { Check, Comment, Forge, ForgePage, PullRequest } from "../../forges/forge.ts";
import type { ForgeEvent } from "../../forges/webhooks/event.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { PullRequestReading } from "../publish/state.ts";
import type { ForgeSource } from "./contract.ts";
import { reportSummary } from "./report.ts";
import { RepositoryRows } from "./rows.ts";
import type { RepositoryContext } from "./sync.ts";

/** Pull requests that tasks have opened: each task follows one. */
export const followSchema = `
CREATE TABLE followed (
  task TEXT PRIMARY KEY, number INTEGER NOT NULL, state TEXT, head TEXT, base TEXT, sent TEXT
) WITHOUT ROWID;
CREATE INDEX followed_by_number ON followed (number);
`;

/** The part of the actor context that is used beside that of the sync. */
export interface FollowContext extends RepositoryContext {
  readonly cron: {
    every(options: {
      readonly name: string;
      readonly interval: number;
      readonly action: string;
      readonly maxHistory: number;
    }): Promise<void>;
    delete(name: string): Promise<boolean>;
  };
}

const timerName = "follow";
const timerAction = "internal.readAllFollowed";
const readAction = "internal.readFollowed";
const maxPages = 5;

/** Reads pull requests that tasks follow, after webhooks and on a timer, and tells each task what has changed. */
export class PullRequestFollower {
  readonly #host: Pick<BackendHost, "ports" | "forges" | "pullRequestReadMs">;

  constructor(host: Pick<BackendHost, "ports" | "forges" | "pullRequestReadMs">) {
    this.#host = host;
  }

  /** Follows a pull request for a task from now on, and returns how it is. */
  async follow(c: FollowContext, number: number, task: string): Promise<PullRequestReading> {
    const upsert = `INSERT INTO followed (task, number) VALUES (?1, ?2)
      ON CONFLICT (task) DO UPDATE SET number = excluded.number,
        sent = iif(number = excluded.number, sent, NULL)`;
    await c.db.execute(upsert, task, number);
    const reading = await this.#read(c, number);
    await this.#keep(c, task, reading);
    // Webhooks tell about changes; without them, somebody has to look.
    if (c.state.source.kind === "forge" && c.state.source.webhookSecret === undefined) {
      const interval = this.#host.pullRequestReadMs ?? studioLimits.pullRequestReadMs;
      await c.cron.every({ name: timerName, interval, action: timerAction, maxHistory: 0 });
    }
    return reading;
  }

  /** Reads the pull requests that an event may have changed, in a moment. */
  async onEvent(c: FollowContext, event: ForgeEvent): Promise<void> {
    const tasks = await this.#affectedBy(c, event);
    for (const task of tasks) {
      if (c.vars.readsAhead.has(task)) continue;
      c.vars.readsAhead.add(task);
      await c.schedule.after(studioLimits.pullRequestDelayMs, readAction, task, 1);
    }
  }

  /** Reads the pull request of a task, and tells the task if it has changed. */
  async readFollowed(c: FollowContext, task: string, attempt: number): Promise<void> {
    c.vars.readsAhead.delete(task);
    const [row] = await c.db.execute("SELECT number, sent FROM followed WHERE task = ?", task);
    if (row === undefined) return;
    const reading = await this.#read(c, Number(row["number"]));
    if (comparable(reading) !== row["sent"]) await this.#tell(c, task, reading);
    if (!("details" in reading) || reading.details.state !== "open") return;
    if (reading.details.isMergeable === null && attempt < studioLimits.maxMergeableReads)
      await c.schedule.after(studioLimits.pullRequestDelayMs * 4 ** attempt, readAction, task, attempt + 1);
  }

  /** Reads those that are not over. The timer ends when there are none. */
  async readAll(c: FollowContext): Promise<void> {
    const open = "SELECT task FROM followed WHERE state IS NULL OR state = 'open' ORDER BY task";
    const tasks = (await c.db.execute(open)).map(({ task }) => String(task));
    if (tasks.length === 0) await c.cron.delete(timerName);
    for (const task of tasks) await this.readFollowed(c, task, studioLimits.maxMergeableReads);
  }

  async #affectedBy(c: FollowContext, event: ForgeEvent): Promise<readonly string[]> {
    const { source } = c.state;
    if (source.kind !== "forge" || event.kind === "other") return [];
    if (event.kind === "installation") return this.#tasks(c, "state IS NULL OR state <> 'merged'");
    if (event.repository.toLowerCase() !== source.fullName.toLowerCase()) return [];
    switch (event.kind) {
      case "pull_request":
        return this.#tasks(c, "number = ?", event.pullRequest.number);
      case "comment":
        return event.isOnPullRequest ? this.#tasks(c, "number = ?", event.number) : [];
      case "issue":
        return [];
      case "check":
        return this.#tasks(c, "head = ?", event.commit);
      case "push":
        // A base branch that moves may bring a conflict.
        return this.#tasks(c, "base = ? AND state = 'open'", event.ref.replace(/^refs\/heads\//, ""));
    }
  }

  async #tasks(c: FollowContext, where: string, ...values: readonly (string | number)[]) {
    const rows = await c.db.execute(`SELECT task FROM followed WHERE ${where}`, ...values);
    return rows.map(({ task }) => String(task));
  }

  async #tell(c: FollowContext, task: string, reading: PullRequestReading): Promise<void> {
    const call = { name: "internal.pullRequestRead", args: [c.state.id, reading] };
    try {
      const isFollowed = await c.client().get("task", [task]).action<boolean>(call);
      if (isFollowed) await this.#keep(c, task, reading);
      else await c.db.execute("DELETE FROM followed WHERE task = ?", task);
    } catch (error) {
      // The task was deleted.
      if (!isErrorCode(error, "actor", "not_found")) throw error;
      await c.db.execute("DELETE FROM followed WHERE task = ?", task);
    }
  }

  async #keep(c: FollowContext, task: string, reading: PullRequestReading): Promise<void> {
    const sent = comparable(reading);
    if (!("details" in reading)) {
      await c.db.execute("UPDATE followed SET sent = ? WHERE task = ?", sent, task);
      return;
    }
    const { state, headCommit, baseBranch } = reading.details;
    const update = "UPDATE followed SET sent = ?, state = ?, head = ?, base = ? WHERE task = ?";
    await c.db.execute(update, sent, state, headCommit, baseBranch, task);
  }

  /** What the forge says now; its refusal is a reading too. */
  async #read(c: FollowContext, number: number): Promise<PullRequestReading> {
    const { source } = c.state;
    try {
      if (source.kind !== "forge")
        throw new HoldfastError("forge", "not_found", "A folder has no pull requests");
      const forge = await this.#host.forges.open(source);
      const pull = await forge.pullRequest(source.fullName, number, c.abortSignal);
      await new RepositoryRows(c.db).deliverPullRequest(pull);
      await reportSummary(c);
      const details = await readDetails(forge, source, pull, c.abortSignal);
      const archives = c.state.archivesMerged === true && details.state === "merged";
      const reading = { number, details: { ...details, readAt: this.#host.ports.clock.now() } };
      return archives ? { ...reading, archives } : reading;
    } catch (error) {
      if (!isHoldfastError(error)) throw error;
      const { group, code, message } = error;
      return { number, error: { group, code, message } };
    }
  }
}

async function readDetails(
  forge: Forge,
  { fullName }: ForgeSource,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<Omit<PullRequestDetails, "repository" | "readAt">> {
  const { number, headCommit } = pull;
  const checks = await readPages((page) => forge.checks(fullName, headCommit, page, signal));
  const comments = await readPages((page) => forge.comments(fullName, number, page, signal));
  const onLines = await readPages((page) => forge.reviewComments(fullName, number, page, signal));
  const checkList = checks.slice(0, studioLimits.maxPullRequestChecks).map(withShortName);
  return {
    ...{ number, webUrl: pull.webUrl, title: pull.title.slice(0, 1_000), state: pull.state },
    ...{ isDraft: pull.isDraft, headBranch: pull.headBranch, headCommit, baseBranch: pull.baseBranch },
    ...{ isMergeable: pull.isMergeable ?? null, reviewers: pull.reviewers.slice(0, 100) },
    ...{ assignees: pull.assignees.slice(0, 100), labels: pull.labels.slice(0, 100) },
    ...{ checks: summaryOf(checks), checkList, comments: newest([...comments, ...onLines]) },
  };
}

async function readPages<Item>(read: (page: number) => Promise<ForgePage<Item>>): Promise<Item[]> {
  const items: Item[] = [];
  for (let page: number | undefined = 1; page !== undefined && page <= maxPages; ) {
    const found: ForgePage<Item> = await read(page);
    items.push(...found.items);
    page = found.nextPage;
  }
  return items;
}

function withShortName(check: Check): Check {
  return { ...check, name: check.name.slice(0, 200) };
}

function summaryOf(checks: readonly Check[]): PullRequestDetails["checks"] {
  const has = (status: Check["status"]) => checks.some((check) => check.status === status);
  if (has("failure") || has("cancelled")) return "failure";
  if (has("running")) return "running";
  return has("success") ? "success" : "none";
}

/** The newest comments that fit, oldest first. */
function newest(comments: readonly Comment[]): readonly Comment[] {
  const { maxPullRequestComment, maxPullRequestComments, maxPullRequestCommentBytes } = studioLimits;
  const kept: Comment[] = [];
  let bytes = 0;
  for (const comment of [...comments].sort((a, b) => b.createdAt - a.createdAt)) {
    const isLong = comment.body.length > maxPullRequestComment;
    const body = isLong ? `${comment.body.slice(0, maxPullRequestComment)}…` : comment.body;
    bytes += Buffer.byteLength(body) + 500;
    if (kept.length === maxPullRequestComments || bytes > maxPullRequestCommentBytes) break;
    kept.push({ ...comment, body });
  }
  return kept.reverse();
}

/** A reading without its time. */
function comparable(reading: PullRequestReading): string {
  return JSON.stringify(
    "details" in reading ? { ...reading, details: { ...reading.details, readAt: 0 } } : reading,
  );
}
