/** Plan, seats, usage and invoices of an organization, as its payment provider has them. */
import { actor, event } from "@holdfast/actors";
import { db } from "@holdfast/actors/db";
import { HoldfastError, isHoldfastError } from "@holdfast/core";
import { isFree, type Plan } from "../../billing/plans.ts";
import type { BillingEvents, BillingOverview, InvoiceView, PlanView } from "../../contract/billing.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { requireOrganization } from "../organizations/existing.ts";
import { connStateOf, type PersonConnState } from "../tasks/actions.ts";
import { changesTo, itemsOf, seatsUsed } from "./items.ts";
import { tellOwners } from "./payment-news.ts";
import { type BillingDatabase, migrateBillingTables } from "./schema.ts";
import { isLive, standingOf } from "./standing.ts";
import { type BillingPort, type BillingState, newState } from "./state.ts";
import {
  type BillingContext,
  organizationOf,
  pauseAfter,
  readPrices,
  synchronize,
  usageOfMonth,
} from "./sync.ts";
import { limitsOf, limitText, overviewOf, planView } from "./view.ts";

interface RunningContext extends BillingContext {
  readonly schedule: {
    at(timestamp: number, action: string): Promise<string>;
    cancel(id: string): Promise<boolean>;
  };
  readonly broadcast: (name: "changed", change: BillingEvents["changed"]) => void;
  readonly vars: { tail: Promise<unknown> };
  destroy(): void;
  keepAwake<Value>(work: Promise<Value>): Promise<Value>;
}

const runAction = "internal.run";

/** The billing of an organization, whose id is its key. What it knows is what it last read; people work on without it. */
export function createBillingActor(host: Pick<BackendHost, "ports" | "billing" | "personOf">) {
  const { ports } = host;
  const now = () => ports.clock.now();
  const steps = new BillingSteps(host);
  return actor({
    async createState(c): Promise<BillingState> {
      await requireOrganization(c);
      return newState();
    },
    createConnState: async (c): Promise<PersonConnState> => connStateOf(await host.personOf(c.request)),
    createVars: (): { tail: Promise<unknown> } => ({ tail: Promise.resolve() }),
    db: db({ onMigrate: migrateBillingTables }),
    events: { changed: event<BillingEvents["changed"]>() },
    options: { name: "Billing", actionTimeout: 180_000 },
    actions: {
      overview: (c): Promise<BillingOverview> => steps.overview(c),

      plans: (c): Promise<readonly PlanView[]> => steps.plans(c),

      invoices(c): readonly InvoiceView[] {
        steps.port();
        return listInvoices(c.db);
      },

      choosePlan: (c, plan: string): Promise<{ readonly url: string | null }> =>
        steps.inOrder(c, () => steps.choosePlan(c, plan, c.conn.state.person)),

      managePayment: (c): Promise<{ readonly url: string }> => steps.managePayment(c),

      async refresh(c): Promise<BillingOverview> {
        await steps.inOrder(c, () => steps.read(c));
        return steps.overview(c);
      },

      internal: {
        /** The organization is deleted. Its subscription ends first, whenever Stripe answers. */
        async erase(c): Promise<void> {
          if (host.billing === undefined || c.state.customer === null) return c.destroy();
          c.state.isClosing = true;
          await steps.schedule(c, now());
        },

        /** Takes an event; false for one that was taken before. What it is about is read next. */
        async take(c, { id, type }: { readonly id: string; readonly type: string }): Promise<boolean> {
          const added = await c.db.execute(
            "INSERT INTO event (id, type, taken_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id",
            ...[id, type, now()],
          );
          await c.db.execute(
            "DELETE FROM event WHERE taken_at < ?",
            now() - studioLimits.billingEventMemoryMs,
          );
          if (added.length > 0) await steps.schedule(c, now());
          return added.length > 0;
        },

        /** Reads Stripe, and brings seats and usage there. Repeated by itself. */
        run: (c): Promise<void> => steps.inOrder(c, () => steps.run(c)),

        /** Somebody has joined or left. */
        async membersChanged(c): Promise<void> {
          await steps.changed(c);
          if (c.state.subscription !== null) await steps.schedule(c, now());
        },

        /** Throws `billing.limit_reached` if the plan does not allow so many more tasks. */
        requireTask: (c, activeTasks: number): Promise<void> => steps.requireTask(c, activeTasks),
      },
    },
  });
}

class BillingSteps {
  readonly #host: Pick<BackendHost, "ports" | "billing">;

  constructor(host: Pick<BackendHost, "ports" | "billing">) {
    this.#host = host;
  }

  /** Throws `billing.not_enabled`. */
  port(): BillingPort {
    const { billing } = this.#host;
    if (billing !== undefined) return billing;
    const message = "This server sells nothing: everything is free, without limits.";
    throw new HoldfastError("billing", "not_enabled", message, { statusCode: 404 });
  }

  /** One after the other: what is read later is newer. */
  async inOrder<Result>(c: RunningContext, work: () => Promise<Result>): Promise<Result> {
    const turn = c.vars.tail.then(work);
    c.vars.tail = turn.catch(() => undefined);
    return c.keepAwake(turn);
  }

  async overview(c: RunningContext): Promise<BillingOverview> {
    const port = this.port();
    // Billing may have been off for a time.
    if (c.state.customer !== null && c.state.scheduled === null) await this.schedule(c, this.#now());
    const { since, until, total } = await usageOfMonth(c, this.#now());
    const active = await c
      .client()
      .getOrCreate("organization", [organizationOf(c)])
      .action<number>({ name: "internal.countActive", args: [] });
    const seats = seatsUsed(await port.members(organizationOf(c)));
    const use = { ...total, seats, activeTasks: active };
    return overviewOf(c.state, port, use, { since, until, now: this.#now() });
  }

  async plans(c: BillingContext): Promise<readonly PlanView[]> {
    const port = this.port();
    await readPrices(c.state, port);
    const { plan: current } = this.#standing(c.state);
    return port.plans.map((plan) => planView(plan, c.state.prices, plan.name === current?.name));
  }

  async choosePlan(
    c: RunningContext,
    name: unknown,
    person: string,
  ): Promise<{ readonly url: string | null }> {
    const plan = this.port().plans.find((each) => each.name === name);
    if (plan === undefined) {
      const message = `There is no plan ${JSON.stringify(String(name).slice(0, 60))}`;
      throw new HoldfastError("billing", "unknown_plan", message, { statusCode: 404 });
    }
    // Another person may have paid meanwhile.
    await this.read(c);
    const { subscription } = c.state;
    if (subscription !== null && isLive(subscription)) await this.#changePlan(c, subscription, plan);
    else if (!isFree(plan)) return this.#checkout(c, plan, person);
    await this.changed(c);
    return { url: null };
  }

  async #changePlan(
    c: RunningContext,
    subscription: NonNullable<BillingState["subscription"]>,
    plan: Plan,
  ): Promise<void> {
    const { payments, members } = this.port();
    if (isFree(plan)) {
      if (!subscription.isEnding) c.state.subscription = await payments.setEnding(subscription.id, true);
      return;
    }
    if (subscription.isEnding) c.state.subscription = await payments.setEnding(subscription.id, false);
    const wanted = itemsOf(plan, seatsUsed(await members(organizationOf(c))));
    const changes = changesTo(subscription, wanted);
    if (changes.length > 0) c.state.subscription = await payments.changeItems(subscription.id, changes);
    await this.schedule(c, this.#now());
  }

  async #checkout(c: RunningContext, plan: Plan, person: string): Promise<{ readonly url: string }> {
    const { payments, members, emailOf } = this.port();
    const organization = organizationOf(c);
    c.state.customer ??= await payments.createCustomer(organization, await emailOf(person, organization));
    const { customer, checkout } = c.state;
    // Only one can be paid: two would be two subscriptions.
    if (checkout !== null) await payments.expireCheckout(checkout);
    const items = itemsOf(plan, seatsUsed(await members(organization)));
    const { id, url } = await payments.startCheckout({ customer, organization, items });
    c.state.checkout = id;
    return { url };
  }

  async managePayment(c: BillingContext): Promise<{ readonly url: string }> {
    const { payments } = this.port();
    const { customer } = c.state;
    if (customer !== null) return payments.openPortal(customer, organizationOf(c));
    const message = "There is no payment yet. Choose a plan first.";
    throw new HoldfastError("billing", "no_payment", message, { statusCode: 409 });
  }

  /** Reads now. Throws `billing.stripe_unavailable`, `.stripe_refused`. */
  async read(c: RunningContext): Promise<void> {
    const port = this.port();
    const before = JSON.stringify(c.state.subscription);
    try {
      const lost = await synchronize(c, port, () => this.#now(), await port.studio());
      await tellOwners(c, port, this.#now(), (error) =>
        this.#host.ports.log.error("could not tell owners about a payment", { error }),
      );
      c.state.failures = 0;
      for (const id of lost)
        this.#host.ports.log.warn("usage is not charged: nobody can tell whether it was reported", { id });
    } catch (error) {
      c.state.failures += 1;
      throw error;
    } finally {
      if (c.state.customer !== null) await this.schedule(c, this.#now() + pauseAfter(c.state.failures));
      if (before !== JSON.stringify(c.state.subscription) || c.state.failures > 0) await this.changed(c);
    }
  }

  async run(c: RunningContext): Promise<void> {
    c.state.scheduled = null;
    // A server that sells nothing any more reads nothing.
    if (this.#host.billing === undefined) return;
    try {
      await this.read(c);
      if (c.state.isClosing) c.destroy();
      else await this.changed(c);
    } catch (error) {
      if (!isHoldfastError(error) || error.group !== "billing") throw error;
    }
  }

  /** At most one is scheduled: an earlier one replaces it. */
  async schedule(c: RunningContext, at: number): Promise<void> {
    const { scheduled } = c.state;
    if (scheduled !== null && scheduled.at <= at && scheduled.at > this.#now()) return;
    if (scheduled !== null) await c.schedule.cancel(scheduled.id);
    c.state.scheduled = { id: await c.schedule.at(at, runAction), at };
  }

  async changed(c: RunningContext): Promise<void> {
    c.state.revision += 1;
    c.broadcast("changed", { revision: c.state.revision });
  }

  async requireTask(c: BillingContext, activeTasks: number): Promise<void> {
    const { plan } = this.#standing(c.state);
    if (plan === undefined || plan.atLimit === "warn") return;
    const { total } = await usageOfMonth(c, this.#now());
    const seats = seatsUsed(await this.port().members(organizationOf(c)));
    const reached = limitsOf(plan, { ...total, seats, activeTasks }).find(({ state }) => state === "reached");
    if (reached === undefined) return;
    const message =
      `The plan ${plan.title} does not allow a new task: ${limitText(reached)}. What runs goes on, and everything ` +
      `stays open to read and export. An owner or admin can change the plan in Settings, Billing.`;
    throw new HoldfastError("billing", "limit_reached", message, {
      statusCode: 402,
      metadata: { plan: plan.name, limit: reached.limit, used: reached.used, max: reached.max },
    });
  }

  #standing({ subscription, unpaidSince }: BillingState) {
    return standingOf(subscription, unpaidSince, this.port(), this.#now());
  }

  #now(): number {
    return this.#host.ports.clock.now();
  }
}

function listInvoices(db: BillingDatabase): readonly InvoiceView[] {
  return db
    .query<{ body: string }>(
      "SELECT body FROM invoice ORDER BY created_at DESC, id DESC LIMIT ?",
      studioLimits.maxInvoices,
    )
    .map(({ body }) => {
      const { subscription: _, ...invoice } = JSON.parse(body) as InvoiceView & { subscription?: unknown };
      return invoice;
    });
}
