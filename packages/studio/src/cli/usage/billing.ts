import { harmless, jsonLine, noArguments, oneArgument, parse, verbOf } from "@holdfast/cli";
import type { StudioClient } from "@holdfast/studio";
import { amountText, priceText } from "../../billing/price-text.ts";
import type { BillingOverview, LimitUse, PlanView } from "../../contract/billing.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const billingUsage = `holdfast billing [show] [--now] | plans | choose PLAN | payment | invoices

  show         plan, seats, limits and what was used this month
  --now        read Stripe first
  plans        the plans of this server
  choose PLAN  changes the plan; prints the page to pay it on, if it is not paid yet
  payment      prints the page of Stripe to manage the payment on
  invoices     the newest invoices, with their pages
  --organization ID  an organization besides the first one, by its id or name
  --data DIR   data directory (default: HOLDFAST_DATA or .holdfast)
  --json       machine-readable output

Only a server that sells plans has any: see docs/how-to/charge-for-it.md.`;

export async function billingCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { ...organizationOption, now: { type: "boolean" } });
  if (values.help === true) {
    console.log(billingUsage);
    return 0;
  }
  const [given = "show", ...rest] = positionals;
  const verb = verbOf("billing", ["show", "plans", "choose", "payment", "invoices"], given);
  const plan = verb === "choose" ? oneArgument(rest, "The name of the plan") : "";
  if (verb !== "choose") noArguments(rest);
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client: { billing } }) => {
    switch (verb) {
      case "show":
        show(values.now === true ? await billing.refresh() : await billing.overview(), json);
        break;
      case "plans":
        for (const each of await billing.plans())
          console.log(json ? jsonLine(each) : harmless(planText(each)));
        break;
      case "choose":
        await choose(billing, plan, json);
        break;
      case "payment": {
        const answer = await billing.managePayment();
        console.log(json ? jsonLine(answer) : answer.url);
        break;
      }
      default:
        await invoices(billing, json);
    }
    return 0;
  });
}

function show(overview: BillingOverview, json: boolean): void {
  if (json) {
    console.log(jsonLine(overview));
    return;
  }
  const { plan, standing, periodEndsAt, seats, limits, notices, readAt } = overview;
  const until = periodEndsAt === null ? "" : `, until ${dayText(periodEndsAt)}`;
  console.log(harmless(`Plan: ${plan.title} (${standing}${until})`));
  const paid = seats.paid === null ? "" : `, ${seats.paid} more are paid`;
  console.log(`Seats: ${seats.used} used, ${seats.included} included${paid}`);
  for (const each of limits) if (each.limit !== "seats") console.log(limitLine(each));
  for (const { text } of notices) console.log(harmless(`! ${text}`));
  if (readAt !== null) console.log(`Stripe was read at ${new Date(readAt).toISOString()}`);
}

const limitNames: Readonly<Record<LimitUse["limit"], string>> = {
  seats: "Seats",
  tasksAtOnce: "Tasks at once",
  sandboxMinutes: "Minutes of sandboxes this month",
  modelCents: "Cents for models this month",
};

function limitLine({ limit, used, max, state }: LimitUse): string {
  const mark = state === "ok" ? "" : state === "warning" ? "  nearly used up" : "  REACHED";
  return `${limitNames[limit]}: ${used} of ${max}${mark}`;
}

function planText(plan: PlanView): string {
  const mark = plan.isCurrent ? "*" : " ";
  return `${mark} ${plan.name}: ${plan.title}, ${priceText(plan)}`;
}

async function choose(billing: StudioClient["billing"], plan: string, json: boolean): Promise<void> {
  const { url } = await billing.choosePlan(plan);
  if (json) console.log(jsonLine({ plan, url }));
  else console.log(url === null ? "The plan is chosen." : `Pay it here: ${url}`);
}

async function invoices(billing: StudioClient["billing"], json: boolean): Promise<void> {
  const found = await billing.invoices();
  if (!json && found.length === 0) console.log("There are no invoices.");
  for (const each of found) {
    const { createdAt, number, id, status, total, currency, url } = each;
    const line = [dayText(createdAt), number ?? id, status, amountText(total, currency), url ?? ""].join(
      "  ",
    );
    console.log(json ? jsonLine(each) : harmless(line));
  }
}

const dayText = (at: number) => new Date(at).toISOString().slice(0, 10);
