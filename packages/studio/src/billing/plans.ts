/** The plans that an operator sells, from `plans.json` in the data directory. */
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { type BillingMeasure, billingMeasures } from "../contract/billing.ts";
import { studioLimits } from "../limits.ts";

export const plansFile = "plans.json";

export interface Plan {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Id of the price of the plan itself. */
  readonly price?: string;
  /** Members for whom nothing more is paid. */
  readonly seats: number;
  /** Id of the price of each further seat. Without it, `seats` is a limit. */
  readonly seatPrice?: string;
  readonly limits: Readonly<Partial<Record<"tasksAtOnce" | BillingMeasure, number>>>;
  /** What happens at a limit: no task starts any more, or people are warned only. */
  readonly atLimit: "stop" | "warn";
  readonly usage: readonly MeteredUse[];
}

/** What is charged by use. */
export interface MeteredUse {
  readonly measure: BillingMeasure;
  /** Id of the metered price. */
  readonly price: string;
  /** Name of the events that its meter counts. */
  readonly event: string;
}

export interface PlanList {
  /** The free one first. */
  readonly plans: readonly Plan[];
  /** How long a plan goes on while its payment fails. */
  readonly graceMs: number;
}

/** Throws `billing.invalid_plans`, also if there is no file. */
export async function loadPlans(dataDirectory: string): Promise<PlanList> {
  const path = join(dataDirectory, plansFile);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined)
    throw invalid("", `there is no such file in ${dataDirectory}. Describe the plans in it first`);
  if (found.size > studioLimits.maxPlansFileBytes)
    throw invalid("", `the file is larger than ${studioLimits.maxPlansFileBytes} bytes`);
  return parsePlans(await readFile(path, "utf8"));
}

/** Strict: an unknown field is an error. Throws `billing.invalid_plans`. */
export function parsePlans(text: string): PlanList {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("", "the file is not valid JSON");
  }
  const fields = fieldsOf(value, "", ["version", "graceDays", "plans"]);
  if (fields["version"] !== 1) throw invalid("/version", "must be 1");
  const graceDays = wholeOf(fields["graceDays"] ?? 14, "/graceDays", 0, 365);
  const given = listOf(fields["plans"], "/plans");
  if (given.length < 2 || given.length > studioLimits.maxPlans)
    throw invalid("/plans", `must have 2 to ${studioLimits.maxPlans} plans`);
  const plans = given.map((each, at) => planOf(each, `/plans/${at}`));
  const free = plans.filter(isFree);
  const [first] = free;
  if (first === undefined || free.length > 1)
    throw invalid("/plans", "must have exactly one plan without a price: that of everybody who pays nothing");
  requireUnique(
    plans.map(({ name }) => name),
    "two plans have the name",
  );
  requireUnique(plans.flatMap(licensedPrices), "two plans have the price");
  return {
    plans: [first, ...plans.filter((plan) => plan !== first)],
    graceMs: graceDays * 24 * 60 * 60 * 1000,
  };
}

export function isFree(plan: Plan): boolean {
  return licensedPrices(plan).length === 0;
}

/** By these prices the plan of a subscription is known. */
function licensedPrices({ price, seatPrice }: Plan): readonly string[] {
  return [price, seatPrice].filter((id) => id !== undefined);
}

/** The plan to which one of these prices belongs. */
export function planOfPrices(plans: readonly Plan[], prices: readonly string[]): Plan | undefined {
  return plans.find((plan) => licensedPrices(plan).some((id) => prices.includes(id)));
}

type Fields = Readonly<Record<string, unknown>>;

const planFields = ["name", "title", "description", "price", "seats", "seatPrice"];

function planOf(value: unknown, path: string): Plan {
  const fields = fieldsOf(value, path, [...planFields, "limits", "atLimit", "usage"]);
  const { price, seatPrice, atLimit = "stop" } = fields;
  if (atLimit !== "stop" && atLimit !== "warn") throw invalid(`${path}/atLimit`, 'must be "stop" or "warn"');
  const plan: Plan = {
    name: matchOf(fields["name"], `${path}/name`, /^[a-z][a-z0-9-]{0,39}$/),
    title: textOf(fields["title"], `${path}/title`, 60),
    description: fields["description"] === undefined ? "" : textOf(fields["description"], path, 300),
    ...(price === undefined ? {} : { price: priceOf(price, `${path}/price`) }),
    seats: wholeOf(fields["seats"], `${path}/seats`, 0, studioLimits.maxMembers),
    ...(seatPrice === undefined ? {} : { seatPrice: priceOf(seatPrice, `${path}/seatPrice`) }),
    limits: limitsOf(fields["limits"] ?? {}, `${path}/limits`),
    atLimit,
    usage: listOf(fields["usage"] ?? [], `${path}/usage`).map((each, at) =>
      useOf(each, `${path}/usage/${at}`),
    ),
  };
  requireUnique(
    plan.usage.map(({ measure }) => measure),
    "the same plan charges twice by",
  );
  if (isFree(plan) && plan.usage.length > 0)
    throw invalid(`${path}/usage`, "the plan without a price cannot charge by use");
  return plan;
}

function useOf(value: unknown, path: string): MeteredUse {
  const fields = fieldsOf(value, path, ["measure", "price", "event"]);
  const measure = billingMeasures.find((each) => each === fields["measure"]);
  if (measure === undefined)
    throw invalid(`${path}/measure`, `must be one of: ${billingMeasures.join(", ")}`);
  const event = matchOf(fields["event"], `${path}/event`, /^[A-Za-z0-9_.-]{1,100}$/);
  return { measure, price: priceOf(fields["price"], `${path}/price`), event };
}

function limitsOf(value: unknown, path: string): Plan["limits"] {
  const names = ["tasksAtOnce", ...billingMeasures];
  const limits = Object.entries(fieldsOf(value, path, names));
  return Object.fromEntries(limits.map(([name, max]) => [name, wholeOf(max, `${path}/${name}`, 0, 1e12)]));
}

function fieldsOf(value: unknown, path: string, allowed: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw invalid(path, "must be an object");
  for (const name of Object.keys(value))
    if (!allowed.includes(name)) throw invalid(`${path}/${name}`, "unknown field");
  return value as Fields;
}

function listOf(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value) && value.length <= 100) return value;
  throw invalid(path, "must be a list");
}

function textOf(value: unknown, path: string, max: number): string {
  if (typeof value === "string" && value.trim() !== "" && value.length <= max) return value;
  throw invalid(path, `must be text of 1 to ${max} characters`);
}

function matchOf(value: unknown, path: string, pattern: RegExp): string {
  if (typeof value === "string" && pattern.test(value)) return value;
  throw invalid(path, "is missing or contains characters that are not allowed");
}

const priceOf = (value: unknown, path: string): string => matchOf(value, path, /^[A-Za-z0-9_]{1,100}$/);

function wholeOf(value: unknown, path: string, min: number, max: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(path, `must be a whole number from ${min} to ${max}`);
}

function requireUnique(values: readonly string[], problem: string): void {
  const twice = values.find((each, at) => values.indexOf(each) !== at);
  if (twice !== undefined) throw invalid("/plans", `${problem} "${twice}"`);
}

function invalid(path: string, problem: string): HoldfastError {
  const location = path === "" ? "" : ` at ${path}`;
  return new HoldfastError("billing", "invalid_plans", `${plansFile} is invalid${location}: ${problem}`, {
    statusCode: 400,
    metadata: { path, problem },
  });
}
