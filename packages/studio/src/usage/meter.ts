import {
  type Clock,
  HoldfastError,
  isHoldfastError,
  type Logger,
  type Tasks,
  type Timer,
} from "@holdfast/core";
import type { EgressCall, EgressUsage } from "@holdfast/gate";
import { organizationOfId } from "../access/organization-ids.ts";
import type { BudgetSubject } from "../backend/usage/budgets.ts";
import type { UsageEntry, UsageSubject } from "../backend/usage/entry.ts";
import type { SessionOfTask, SessionUsage } from "../backend/usage/record.ts";
import type { CountedUsage } from "../backend/usage/usage.ts";
import type { BudgetList, PriceInput } from "../contract/usage.ts";
import type { UsageJournal } from "./journal.ts";

/** What was counted. The revision is absent when none of it belongs to the first organization. */
export interface CountedEntries extends Pick<CountedUsage, "sessions"> {
  readonly pricesRevision: number | undefined;
}

/** The durable actors, as the meter uses them. */
export interface UsageBackend {
  count(entries: readonly UsageEntry[]): Promise<CountedEntries>;
  /** Throws `budget.exceeded`. */
  requireBudget(subject: BudgetSubject, organization: string): Promise<void>;
  /** The prices that the first organization has edited. They are in force in the process. */
  editedPrices(): Promise<{ readonly prices: readonly PriceInput[]; readonly pricesRevision: number }>;
  budgets(): Promise<BudgetList>;
  /** Tells a task what one of its sessions has used. */
  report(of: SessionOfTask, usage: SessionUsage): Promise<void>;
}

export interface MeterOptions {
  readonly journal: UsageJournal;
  readonly backend: UsageBackend;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly log: Logger;
  /** Puts edited prices in force in this process. */
  readonly setPrices: (prices: readonly PriceInput[]) => void;
}

const maxBatch = 200;
/** How often it is noted that sandboxes still run: what a crash makes their time imprecise by. */
const seenMs = 10_000;
/** First pause after a failure to count; it doubles up to the second. */
const retryMs = 1_000;
const maxRetryMs = 60_000;

/**
 * Meters what the tasks of this process use. Whatever happens is noted in the journal first, and counted by the usage
 * actor then; a crash in between loses nothing, and nothing is counted twice.
 */
export class UsageMeter {
  readonly #options: MeterOptions;
  #counting: Promise<void> | undefined;
  #pauseMs = retryMs;
  #retry: Timer | undefined;
  #seen: NodeJS.Timeout | undefined;
  #sandboxes = 0;
  #pricesRevision = -1;
  #closed = false;

  constructor(options: MeterOptions) {
    this.#options = options;
  }

  /** Counts what an earlier process has left, and puts the edited prices in force. */
  async start(): Promise<void> {
    await this.#loadPrices();
    await this.flush();
  }

  /** A prompt that an agent begins to work on, at first or again. */
  turn(id: string, subject: UsageSubject): void {
    this.#add({ version: 1, id: `turn/${id}`, at: this.#now(), kind: "turn", subject });
  }

  /** Notes a model call before it is sent. Throws `budget.exceeded`. */
  async beforeCall({ id, at }: EgressCall, subject: UsageSubject): Promise<void> {
    await this.requireBudget(subject, organizationOfId(subject.task));
    this.#options.journal.begin({ id, at, kind: "call", subject });
  }

  afterCall({ id, at }: EgressCall, usage: EgressUsage | undefined, subject: UsageSubject): void {
    if (usage === undefined) {
      if (!this.#closed) this.#options.journal.drop(id);
      return;
    }
    const { model, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, costMicros, isPriced } =
      usage;
    const tokens = { model, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens };
    const cost = isPriced ? { costMicros } : {};
    this.#add({ version: 1, id, at, kind: "call", subject, tokens, ...cost });
  }

  /** Notes that a sandbox has started. Call the function that is returned when it has ended. */
  sandbox(id: string, subject: UsageSubject): () => void {
    const at = this.#now();
    this.#options.journal.begin({ id: `sandbox/${id}`, at, kind: "sandbox", subject });
    this.#sandboxes += 1;
    this.#seen ??= setInterval(() => this.#options.journal.seen(this.#now()), seenMs).unref();
    let hasEnded = false;
    return () => {
      if (hasEnded) return;
      hasEnded = true;
      this.#sandboxes -= 1;
      if (this.#sandboxes === 0) {
        clearInterval(this.#seen);
        this.#seen = undefined;
      }
      const durationMs = Math.max(0, this.#now() - at);
      this.#add({ version: 1, id: `sandbox/${id}`, at, kind: "sandbox", subject, durationMs });
    };
  }

  /** Throws `budget.exceeded`, by everything that this process has noted so far. */
  async requireBudget(subject: BudgetSubject, organization: string): Promise<void> {
    await this.flush();
    try {
      await this.#options.backend.requireBudget(subject, organization);
    } catch (error) {
      if (isHoldfastError(error) && error.group === "budget") throw error;
      const message =
        "It cannot be told whether a budget is used up: the usage does not answer. Try again in a moment.";
      throw new HoldfastError("budget", "unavailable", message, { statusCode: 503, cause: error });
    }
  }

  /** Counts what is in the journal. Resolves when that is done, or has failed and is repeated later. */
  async flush(): Promise<void> {
    await this.#counting;
    this.#count();
    await this.#counting;
  }

  /** Closes the journal. What is left in it is counted at the next start. Idempotent. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearInterval(this.#seen);
    this.#retry?.cancel();
    await this.#counting;
    this.#options.journal.close();
  }

  #add(entry: UsageEntry): void {
    // What is open when the process ends is counted at the next start.
    if (this.#closed) return;
    this.#options.journal.add(entry);
    this.#count();
  }

  #count(): void {
    if (this.#closed) return;
    this.#counting ??= this.#countAll().finally(() => {
      this.#counting = undefined;
    });
  }

  async #countAll(): Promise<void> {
    const { journal, backend, log } = this.#options;
    try {
      for (let ready = journal.ready(maxBatch); ready.length > 0; ready = journal.ready(maxBatch)) {
        const { sessions, pricesRevision } = await backend.count(ready);
        journal.counted(ready.map(({ id }) => id));
        if (pricesRevision !== undefined && pricesRevision !== this.#pricesRevision) await this.#loadPrices();
        // A deleted task has nothing to show any more.
        for (const { usage, ...of } of sessions) void backend.report(of, usage).catch(() => {});
      }
      this.#pauseMs = retryMs;
    } catch (error) {
      if (this.#closed) return;
      log.warn("could not count what was used; it stays in the journal", { error });
      this.#retry?.cancel();
      this.#retry = this.#options.tasks.after(this.#pauseMs, () => this.#count());
      this.#pauseMs = Math.min(this.#pauseMs * 2, maxRetryMs);
    }
  }

  async #loadPrices(): Promise<void> {
    const { prices, pricesRevision } = await this.#options.backend.editedPrices();
    this.#options.setPrices(prices);
    this.#pricesRevision = pricesRevision;
  }

  #now(): number {
    return this.#options.clock.now();
  }
}
