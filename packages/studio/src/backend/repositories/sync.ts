import { isHoldfastError } from "@holdfast/core";
import type { ConditionalPage, ForgeBranch, PullRequest } from "../../forges/forge.ts";
import type { ForgeDelivery } from "../../forges/webhooks/event.ts";
import { studioLimits } from "../../limits.ts";
import type { RepositoryReader } from "./reader.ts";
import { type OrganizationContext, reportSummary } from "./report.ts";
import { type Cursor, type ListName, RepositoryRows, type RowDatabase } from "./rows.ts";
import type { RepositoryState } from "./state.ts";

/** What a repository keeps in memory. */
export interface RepositoryVars {
  /** True while this instance reads pages. */
  isReading: boolean;
  /** When the last report of progress was sent, in milliseconds since the epoch. */
  reportedAt: number;
  /** Tail of the mutex that keeps reports in order. */
  reportTail: Promise<unknown>;
  /** Tail of the mutex that starts tasks of events. */
  triggerTail: Promise<unknown>;
  /** Tasks whose pull request is read in a moment. */
  readonly readsAhead: Set<string>;
}

/** The part of the actor context that the sync uses. */
export interface RepositoryContext extends OrganizationContext {
  readonly state: RepositoryState;
  readonly vars: RepositoryVars;
  readonly db: RowDatabase;
  readonly abortSignal: AbortSignal;
  /** Resolves when everything so far is durable. */
  saveState(): Promise<void>;
  readonly schedule: {
    after(ms: number, action: string, ...args: readonly unknown[]): Promise<string>;
    cancel(id: string): Promise<boolean>;
  };
}

export interface SyncOptions {
  readonly now: () => number;
  readonly open: (source: RepositoryState["source"]) => Promise<RepositoryReader>;
}

const syncAction = "internal.sync";
const readAction = "internal.readPullRequest";

/**
 * Compares a repository with its forge, page by page. A page and the cursor behind it are one transaction, so a sync that is
 * interrupted goes on at the page that it was reading. Nothing here creates an actor.
 */
export class RepositorySync {
  readonly #options: SyncOptions;

  constructor(options: SyncOptions) {
    this.#options = options;
  }

  /** Begins a pass, or another one after the one that runs, and schedules it for now. */
  async start(c: RepositoryContext): Promise<void> {
    const rows = new RepositoryRows(c.db);
    if ((await rows.cursor()) === undefined) await rows.begin();
    else if (c.vars.isReading) c.state.isAskedAgain = true;
    await this.#schedule(c, 0);
  }

  /** The timer: begins a pass, or goes on with one that failed. A forge that asked to wait is left alone. */
  async reconcile(c: RepositoryContext): Promise<void> {
    if (c.state.retryAt !== null && c.state.retryAt > this.#options.now()) return;
    if (!c.vars.isReading) await this.start(c);
  }

  /** Reads pages for {@link studioLimits.repositorySyncSliceMs}, then schedules the rest. */
  async run(c: RepositoryContext): Promise<void> {
    if (c.vars.isReading) return;
    c.vars.isReading = true;
    try {
      await this.#read(c);
    } catch (error) {
      // The actor stops: the next instance goes on at the cursor.
      if (c.abortSignal.aborted) return;
      await this.#fail(c, error);
    } finally {
      c.vars.isReading = false;
    }
    await reportSummary(c);
  }

  /**
   * Applies a delivery of a webhook and what `beside` does with it, unless it is known, and keeps its id after that. Both can
   * be repeated. Returns false for one that is known.
   */
  async deliverOnce(
    c: RepositoryContext,
    delivery: ForgeDelivery,
    beside: () => Promise<void>,
  ): Promise<boolean> {
    const rows = new RepositoryRows(c.db);
    if (await rows.hasDelivery(delivery.deliveryId)) return false;
    await this.#deliver(c, delivery);
    await beside();
    const now = this.#options.now();
    return rows.keepDelivery(delivery.deliveryId, now, now - studioLimits.webhookMemoryMs);
  }

  /** In whatever order deliveries arrive. */
  async #deliver(c: RepositoryContext, { event }: ForgeDelivery): Promise<void> {
    const rows = new RepositoryRows(c.db);
    const { source } = c.state;
    if (source.kind !== "forge") return;
    const isOurs = (name: string) => name.toLowerCase() === source.fullName.toLowerCase();
    if (event.kind === "installation") await this.#onInstallation(c, event.installationId, event.action);
    else if (event.kind === "pull_request" && isOurs(event.repository)) {
      const isComplete = await rows.deliverPullRequest(event.pullRequest);
      // The webhook is answered first.
      if (!isComplete) await c.schedule.after(0, readAction, event.pullRequest.number);
    } else if (event.kind === "push" && isOurs(event.repository) && event.ref.startsWith("refs/heads/"))
      await rows.deliverBranch(event.ref.slice("refs/heads/".length), event.after);
    else return;
    await reportSummary(c);
  }

  /** Reads one pull request, of which a webhook has not told everything. Throws `forge.*`, and is then tried again. */
  async readPullRequest(c: RepositoryContext, number: number): Promise<void> {
    const reader = await this.#options.open(c.state.source);
    const found = await reader.pullRequest?.(number, c.abortSignal);
    if (found !== undefined) await new RepositoryRows(c.db).deliverPullRequest(found);
  }

  async #onInstallation(c: RepositoryContext, installationId: number, action: string): Promise<void> {
    const { source } = c.state;
    if (source.kind !== "forge" || source.credential.kind !== "app") return;
    if (source.credential.installationId !== installationId) return;
    if (action === "deleted" || action === "suspended") {
      const message = `The App was ${action === "deleted" ? "removed" : "suspended"} at the forge. Install it again for ${source.fullName}.`;
      Object.assign(c.state, { status: "failed", error: { code: "forge.forbidden", message } });
    } else await this.start(c);
  }

  async #read(c: RepositoryContext): Promise<void> {
    const { now, open } = this.#options;
    const until = now() + studioLimits.repositorySyncSliceMs;
    const rows = new RepositoryRows(c.db);
    const reader = await open(c.state.source);
    const lists: readonly ListName[] =
      reader.pullRequests === undefined ? ["branch"] : ["branch", "pull_request"];
    for (;;) {
      const cursor = await rows.cursor();
      if (cursor === undefined) return await this.#finish(c);
      if (now() >= until) return await this.#schedule(c, 0);
      const etag = await rows.etag(cursor);
      const found = await readPage(reader, cursor, etag, c.abortSignal);
      if (found.isModified) await rows.keepPage(cursor, found, lists);
      else await rows.passPage(cursor, lists);
      if (c.state.status !== "syncing")
        Object.assign(c.state, { status: "syncing", error: null, retryAt: null });
      c.state.failures = 0;
      // The next page is asked for when this one is durable: a process that is killed repeats one page at most.
      await c.saveState();
      if (now() - c.vars.reportedAt < studioLimits.repositoryReportMs) continue;
      c.vars.reportedAt = now();
      await reportSummary(c);
    }
  }

  async #finish(c: RepositoryContext): Promise<void> {
    Object.assign(c.state, {
      ...{ status: "synced", syncedAt: this.#options.now(), error: null, retryAt: null, failures: 0 },
    });
    if (!c.state.isAskedAgain) return;
    c.state.isAskedAgain = false;
    await new RepositoryRows(c.db).begin();
    await this.#schedule(c, 0);
  }

  /** Keeps the cursor. A rate limit and a forge that is down are waited for; the rest waits for the timer. */
  async #fail(c: RepositoryContext, error: unknown): Promise<void> {
    const { code, message, metadata } = isHoldfastError(error)
      ? { ...error, code: `${error.group}.${error.code}`, message: error.message }
      : { code: "internal.internal_error", message: "The sync failed. See the server's log.", metadata: {} };
    if (!isHoldfastError(error)) c.log.error("a sync of a repository failed", { error });
    c.state.failures += 1;
    const waitMs = this.#waitOf(code, metadata, c.state.failures);
    c.state.error = { code, message };
    c.state.status = waitMs === undefined ? "failed" : "waiting";
    c.state.retryAt = waitMs === undefined ? null : this.#options.now() + waitMs;
    if (waitMs !== undefined) await this.#schedule(c, waitMs);
  }

  #waitOf(code: string, metadata: unknown, failures: number): number | undefined {
    if (code === "forge.rate_limited") {
      const { retryAt } = { retryAt: 0, ...Object(metadata) } as { readonly retryAt: number };
      return Math.max(1_000, Math.min(retryAt - this.#options.now(), studioLimits.maxForgeRateWaitMs));
    }
    if (code !== "forge.unavailable" && code !== "forge.invalid_response") return undefined;
    return Math.min(studioLimits.repositoryRetryMs * 2 ** (failures - 1), studioLimits.maxForgeRateWaitMs);
  }

  /** One run is scheduled at most: a newer one takes the place of an older. */
  async #schedule(c: RepositoryContext, ms: number): Promise<void> {
    if (c.state.scheduled !== null) await c.schedule.cancel(c.state.scheduled);
    c.state.scheduled = await c.schedule.after(ms, syncAction);
  }
}

async function readPage(
  reader: RepositoryReader,
  { list, page }: Cursor,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<ConditionalPage<ForgeBranch | PullRequest>> {
  const request = { page, ...(etag === undefined ? {} : { etag }) };
  if (list === "branch") return await reader.branches(request, signal);
  if (reader.pullRequests === undefined) throw new TypeError("the repository has no pull requests");
  return await reader.pullRequests(request, signal);
}
