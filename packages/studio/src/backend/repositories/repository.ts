/** The repository actor: branches and pull requests of one repository, kept equal to those of its forge. */
import { actor, db, event } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import { HoldfastError } from "@holdfast/core";
import type { PullRequest } from "../../forges/forge.ts";
import type { ForgeDelivery } from "../../forges/webhooks/event.ts";
import { studioLimits } from "../../limits.ts";
import { forgeInternals } from "../accounts/internals.ts";
import { ForgeReports, reviewSchema } from "../accounts/report.ts";
import { itemActions } from "../forks/item-actions.ts";
import { openedSchema } from "../forks/opened-items.ts";
import { findStartingPoint, type StartingPoint } from "../forks/starting-point.ts";
import type { BackendHost } from "../host.ts";
import type { PullRequestReading } from "../publish/state.ts";
import { labelSchema } from "../triggers/labels.ts";
import { Triggers, triggerSchema } from "../triggers/triggers.ts";
import type {
  BranchView,
  ConnectionCheck,
  FetchReport,
  RepositorySource,
  RepositorySummary,
  RepositoryView,
  WebhookFailure,
  WebhookSettings,
  WebhookSetup,
} from "./contract.ts";
import { followSchema, PullRequestFollower } from "./follow.ts";
import { reportSummary } from "./report.ts";
import { RepositoryRows, repositorySchema } from "./rows.ts";
import { isRepositoryInput, mirrorAfter, newRepositoryState, type RepositoryState } from "./state.ts";
import { RepositorySync, type RepositoryVars } from "./sync.ts";
import { setArchiving, viewOf } from "./view.ts";
import { checkConnection, keepFailure, renewWebhook, setUpWebhook } from "./webhooks/webhook.ts";

const maxBranches = 1_000;

const versions = [
  { version: 1, sql: repositorySchema },
  { version: 2, sql: followSchema },
  { version: 3, sql: triggerSchema },
  { version: 4, sql: labelSchema },
  { version: 5, sql: reviewSchema },
  { version: 6, sql: openedSchema },
];

export function createRepositoryActor(host: BackendHost) {
  const { repositoryReconcileMs: reconcileMs = studioLimits.repositoryReconcileMs } = host;
  const now = () => host.ports.clock.now();
  const sync = new RepositorySync({ now, open: (source) => host.connections.open(source) });
  const follower = new PullRequestFollower(host);
  const triggers = new Triggers(host);
  const reports = new ForgeReports(host);
  return actor({
    createState: (_c, input: { readonly token: string }): RepositoryState =>
      newRepositoryState(host.valueTokens.take(input?.token, isRepositoryInput)),
    createVars: newVars,
    db: db({ onMigrate: migrations({ migrations: versions }) }),
    events: { changed: event<RepositorySummary>() },
    async onWake(c): Promise<void> {
      await c.cron.every({
        ...{ name: "reconcile", interval: reconcileMs, action: "internal.reconcile", maxHistory: 0 },
        // Repositories of one forge do not ask it all at once.
        jitterMs: Math.floor(reconcileMs / 10),
      });
      // The first sync, or one that ended with its process.
      const isPaused = c.state.status === "failed" || c.state.retryAt !== null;
      if (c.state.status === "syncing" && !isPaused) await sync.start(c);
      // The first fetch, or one that ended with its process.
      if (c.state.mirror?.status === "fetching") host.connections.beginFetch(c.state.id);
    },
    options: { name: "Repository", actionTimeout: 300_000 },
    actions: {
      get: async (c): Promise<RepositoryView> => viewOf(c.state, await new RepositoryRows(c.db).counts()),

      branches: (c, query?: { readonly after?: string }): Promise<readonly BranchView[]> =>
        new RepositoryRows(c.db).branches(String(query?.after ?? ""), maxBranches),

      ...itemActions(host),

      pullRequest: (c, number: number): Promise<PullRequest> =>
        readPullRequest(host, c.state.source, number, c.abortSignal),

      async sync(c): Promise<void> {
        await sync.start(c);
        if (c.state.source.kind !== "folder") host.connections.beginFetch(c.state.id);
      },

      cancelFetch: (c): Promise<void> => host.connections.cancelFetch(c.state.id),

      check: (c): Promise<readonly ConnectionCheck[]> =>
        checkConnection(c.state, (source) => host.connections.check(source, c.abortSignal)),

      setUpWebhook: (c, studioUrl: string): Promise<WebhookSetup> =>
        setUpWebhook(host.connections, c, studioUrl),

      archiveMerged: (c, isOn: boolean): void => setArchiving(c.state, isOn),

      internal: {
        source: (c): RepositorySource => c.state.source,

        /** Where a task on a pull request starts. */
        startingPoint: (c, number: number): Promise<StartingPoint> =>
          findStartingPoint(host, c.state.source, number, c.abortSignal),

        async fetchReported(c, report: FetchReport): Promise<void> {
          c.state.mirror = mirrorAfter(c.state.mirror, report);
          await reportSummary(c);
        },

        /** Notes a delivery that was refused. */
        deliveryFailed(c, failure: Pick<WebhookFailure, "code" | "message">): void {
          keepFailure(c.state, failure, now());
        },

        async sync(c): Promise<void> {
          await sync.run(c);
          await reports.afterSync(c);
        },

        ...forgeInternals(reports),

        async readPullRequest(c, number: number): Promise<void> {
          await sync.readPullRequest(c, number);
          await reports.tellReviews(c, number);
        },

        async reconcile(c): Promise<void> {
          await sync.reconcile(c);
          await renewWebhook(host.connections, c);
          await follower.readAll(c);
          await triggers.run(c);
        },

        /** Follows a pull request for a task, and reads it. */
        follow: (c, number: number, task: string): Promise<PullRequestReading> =>
          follower.follow(c, number, task),

        readFollowed: (c, task: string, attempt: number): Promise<void> =>
          follower.readFollowed(c, task, attempt),

        runTriggers: (c): Promise<void> => triggers.run(c),

        async readAllFollowed(c): Promise<void> {
          await follower.readAll(c);
          await reports.tellReviews(c);
        },

        async remove(c): Promise<void> {
          await reports.gone(c);
          await host.connections.forget(c.state.id);
          c.destroy();
        },

        /** Null for a repository without webhooks. */
        webhookSettings({ state: { source, webhookSecret } }): WebhookSettings | null {
          if (source.kind !== "forge") return null;
          const secret = webhookSecret ?? source.webhookSecret;
          return secret === undefined ? null : { forge: source.forge, secret };
        },

        /** Takes a webhook that was verified. Returns false for one that was delivered before. */
        async deliver(c, delivery: ForgeDelivery): Promise<boolean> {
          c.state.webhookDeliveredAt = now();
          // Its effects come first, and can be repeated: a process that ends between loses no event.
          return sync.deliverOnce(c, delivery, async () => {
            await follower.onEvent(c, delivery.event);
            await triggers.onEvent(c, delivery);
            await reports.onEvent(c, delivery.event);
          });
        },
      },
    },
  });
}

function newVars(): RepositoryVars {
  return {
    ...{ isReading: false, reportedAt: 0, readsAhead: new Set<string>() },
    ...{ reportTail: Promise.resolve(), triggerTail: Promise.resolve() },
  };
}

/** A pull request as it is at the forge now. Throws `repository.no_pull_request`, `forge.*`. */
async function readPullRequest(
  { connections }: Pick<BackendHost, "connections">,
  source: RepositorySource,
  number: unknown,
  signal: AbortSignal,
): Promise<PullRequest> {
  if (source.kind !== "forge" || typeof number !== "number" || !Number.isSafeInteger(number) || number < 1) {
    const message = "There is no such pull request. Choose one of the repository's list.";
    throw new HoldfastError("repository", "no_pull_request", message, { statusCode: 404 });
  }
  const found = await connections.pullRequest(source, number, signal);
  // A text can exceed what an answer may carry.
  return { ...found, body: found.body.slice(0, studioLimits.maxPullRequestTextCharacters) };
}
