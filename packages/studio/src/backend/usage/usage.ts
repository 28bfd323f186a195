import { actor, event } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import type {
  BudgetInput,
  BudgetList,
  PriceInput,
  PriceList,
  UsageEvents,
  UsageQuery,
  UsageRecordPage,
  UsageReport,
} from "../../contract/usage.ts";
import type { BackendHost } from "../host.ts";
import { requireOrganization } from "../organizations/existing.ts";
import { type BudgetSubject, deleteBudget, listBudgets, requireBudget, saveBudget } from "./budgets.ts";
import type { UsageEntry } from "./entry.ts";
import { readBudget, readBudgetId, readModel, readPrice, readUsageQuery } from "./input.ts";
import { editedPrices, listPrices, removePrice, setPrice } from "./prices.ts";
import { countEntries, type SessionOfTask, type SessionUsage, usageOfSession } from "./record.ts";
import { pageOfRecords, reportUsage, totalsSince } from "./report.ts";
import { migrateUsageTables, type UsageDatabase } from "./schema.ts";

export interface UsageState {
  version: 1;
  /** Number of changes. */
  revision: number;
  /** Number of changes of prices. */
  pricesRevision: number;
}

/** What was counted: the new sums of its sessions, and the state of the prices. */
export interface CountedUsage {
  readonly sessions: readonly (SessionOfTask & { readonly usage: SessionUsage })[];
  readonly pricesRevision: number;
}

/** What everybody in an organization uses, what it costs, and how much they may. */
export function createUsageActor(host: Pick<BackendHost, "ports" | "configuredPrices">) {
  const now = () => host.ports.clock.now();
  return actor({
    async createState(c): Promise<UsageState> {
      await requireOrganization(c);
      return { version: 1, revision: 0, pricesRevision: 0 };
    },
    db: db({ onMigrate: migrateUsageTables }),
    events: { changed: event<UsageEvents["changed"]>() },
    options: { name: "Usage" },
    actions: {
      report: (c, query: UsageQuery): UsageReport => reportUsage(c.db, readUsageQuery(query, now())),

      records: (c, query?: { readonly since?: string; readonly until?: string }): UsageRecordPage =>
        pageOfRecords(c.db, query, now()),

      prices: (c): PriceList => listPrices(c.db, host.configuredPrices),

      async setPrice(c, price: PriceInput): Promise<void> {
        const read = readPrice(price);
        const sessions = await c.db.transaction((tx) => setPrice(tx, read, host.configuredPrices));
        changePrices(c);
        for (const session of sessions) c.waitUntil(reportToTask(c, session));
      },

      async removePrice(c, model: string): Promise<void> {
        await removePrice(c.db, readModel(model));
        changePrices(c);
      },

      budgets: (c): BudgetList => listBudgets(c.db, now()),

      async saveBudget(c, budget: BudgetInput): Promise<void> {
        await saveBudget(c.db, readBudget(budget));
        change(c);
      },

      async deleteBudget(c, id: string): Promise<void> {
        await deleteBudget(c.db, readBudgetId(id));
        change(c);
      },

      internal: {
        erase: (c): void => c.destroy(),

        /** Counts entries, each cause once; durable when it returns. */
        async count(c, entries: readonly UsageEntry[]): Promise<CountedUsage> {
          const sessions = await c.db.transaction((tx) => countEntries(tx, entries, now()));
          if (sessions.length > 0) change(c);
          const { pricesRevision } = c.state;
          return {
            sessions: sessions.map((each) => ({ ...each, usage: usageOfSession(c.db, each) })),
            pricesRevision,
          };
        },

        /** Throws `budget.exceeded`. */
        requireBudget: (c, subject: BudgetSubject): void => requireBudget(c.db, subject, now()),

        /** The sums since a day, for billing. */
        totals: (c, since: string) => totalsSince(c.db, since),

        editedPrices: (c) => ({ prices: editedPrices(c.db), pricesRevision: c.state.pricesRevision }),
      },
    },
  });
}

/** Tells a task what it has used. One that was deleted has nothing to show. */
async function reportToTask(c: ReportContext, of: SessionOfTask): Promise<void> {
  const report = { type: "usage", usage: usageOfSession(c.db, of) };
  const call = c
    .client()
    .get("task", [of.task])
    .action({ name: "internal.report", args: [report, null, of.session] });
  await call.catch(() => {});
}

interface ReportContext {
  readonly db: UsageDatabase;
  client(): {
    get(
      name: string,
      key: string[],
    ): {
      action(options: { readonly name: string; readonly args: readonly unknown[] }): Promise<unknown>;
    };
  };
}

/** The part of the actor context that is used here. */
interface UsageContext {
  readonly state: UsageState;
  readonly broadcast: (name: "changed", event: UsageEvents["changed"]) => void;
}

function change(c: UsageContext): void {
  c.state.revision += 1;
  c.broadcast("changed", { revision: c.state.revision });
}

function changePrices(c: UsageContext): void {
  c.state.pricesRevision += 1;
  change(c);
}
