/** The repository actor: branches and pull requests of one repository, kept equal to those of its forge. */
import { actor, db, event } from "@holdfast/actors";
import { migrations } from "@holdfast/actors/unstable/migrations";
import type { ForgeDelivery } from "../../forges/webhooks/event.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import type { PullRequestReading } from "../publish/state.ts";
import type {
  BranchView,
  PullRequestQuery,
  PullRequestView,
  RepositorySummary,
  RepositoryView,
  WebhookSettings,
} from "./contract.ts";
import { followSchema, PullRequestFollower } from "./follow.ts";
import { RepositoryRows, repositorySchema } from "./rows.ts";
import { isRepositoryInput, newRepositoryState, type RepositoryState, summaryOf } from "./state.ts";
import { RepositorySync, type RepositoryVars } from "./sync.ts";

const maxBranches = 1_000;
const maxPullRequests = 200;

export function createRepositoryActor(host: BackendHost) {
  const { repositoryReconcileMs: reconcileMs = studioLimits.repositoryReconcileMs } = host;
  const now = () => host.ports.clock.now();
  const sync = new RepositorySync({ now, open: (source) => host.openRepository(source) });
  const follower = new PullRequestFollower(host);
  const versions = [
    { version: 1, sql: repositorySchema },
    { version: 2, sql: followSchema },
  ];
  return actor({
    createState: (_c, input: { readonly token: string }): RepositoryState =>
      newRepositoryState(host.handover.take(input?.token, isRepositoryInput)),
    createVars: (): RepositoryVars => ({
      isReading: false,
      reportedAt: 0,
      reportTail: Promise.resolve(),
      readsAhead: new Set(),
    }),
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
    },
    options: { name: "Repository", actionTimeout: 300_000 },
    actions: {
      async get(c): Promise<RepositoryView> {
        const counts = await new RepositoryRows(c.db).counts();
        return { ...summaryOf(c.state, counts), source: c.state.source };
      },

      branches: (c, query?: { readonly after?: string }): Promise<readonly BranchView[]> =>
        new RepositoryRows(c.db).branches(String(query?.after ?? ""), maxBranches),

      pullRequests(c, query?: PullRequestQuery): Promise<readonly PullRequestView[]> {
        const limit = Math.max(1, Math.min(maxPullRequests, Math.floor(Number(query?.limit ?? 50)) || 50));
        const before = Number(query?.before ?? Number.MAX_SAFE_INTEGER) || Number.MAX_SAFE_INTEGER;
        const { state } = query ?? {};
        return new RepositoryRows(c.db).pullRequests({
          ...{ limit, before },
          ...(state === undefined ? {} : { state }),
        });
      },

      sync: (c): Promise<void> => sync.start(c),

      internal: {
        sync: (c): Promise<void> => sync.run(c),

        readPullRequest: (c, number: number): Promise<void> => sync.readPullRequest(c, number),

        async reconcile(c): Promise<void> {
          await sync.reconcile(c);
          await follower.readAll(c);
        },

        /** Follows a pull request for a task, and reads it. */
        follow: (c, number: number, task: string): Promise<PullRequestReading> =>
          follower.follow(c, number, task),

        readFollowed: (c, task: string, attempt: number): Promise<void> =>
          follower.readFollowed(c, task, attempt),

        readAllFollowed: (c): Promise<void> => follower.readAll(c),

        remove: (c): void => c.destroy(),

        /** Null for a repository without webhooks. */
        webhookSettings({ state: { source } }): WebhookSettings | null {
          if (source.kind !== "forge" || source.webhookSecret === undefined) return null;
          return { forge: source.forge, secret: source.webhookSecret };
        },

        /** Takes a webhook that was verified. Returns false for one that was delivered before. */
        async deliver(c, delivery: ForgeDelivery): Promise<boolean> {
          const isNew = await sync.deliver(c, delivery);
          if (isNew) await follower.onEvent(c, delivery.event);
          return isNew;
        },
      },
    },
  });
}
