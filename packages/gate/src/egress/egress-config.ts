import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { requireDataDirectory } from "../data-directory.ts";
import { parseJson, readIfPresent } from "../vault/credential-file.ts";
import type { Resolve } from "./decisions/public-address.ts";
import { type BudgetRule, budgetPeriods, budgetScopes } from "./metering/budget.ts";
import type { ModelPrice } from "./metering/prices.ts";

/** What the operator sets for all jails. */
export interface EgressConfig {
  /** Hard bounds on what models may use. */
  readonly budgets?: readonly BudgetRule[];
  /** Prices that go before those of the table. */
  readonly prices?: readonly ModelPrice[];
  /** Networks that names of a jail's choice may lead to although they are private: "10.1.0.0/16". */
  readonly networks?: readonly string[];
  /**
   * True to let every jail that says nothing else reach upstreams, and hosts with finer rules, by CONNECT, which
   * ends in the proxy. What the program says goes before what the file says. False by default.
   */
  readonly intercept?: boolean;
  /** Every address of a name; by default what the host's resolver says. Not in the file. */
  readonly resolve?: Resolve;
}

/** Its name in a data directory. */
export const egressConfigFile = "egress.json";

function invalid(message: string): HoldfastError {
  return new HoldfastError("egress", "invalid_config", message, { statusCode: 400 });
}

/**
 * The configuration of `<dataDir>/egress.json` (`{"version": 1, ...}`), where there is one, with what the
 * program gives added. Throws `egress.invalid_config`: a budget that is not understood is no budget.
 */
export async function loadEgressConfig(dataDir: string, given: EgressConfig = {}): Promise<EgressConfig> {
  const content = await readIfPresent(
    join(requireDataDirectory(dataDir, "loadEgressConfig"), egressConfigFile),
  );
  const file = content === undefined ? { version: 1 } : parseJson(content.toString("utf8"));
  if (file === undefined) throw invalid(`${egressConfigFile} is not JSON`);
  const { version, budgets = [], prices = [], networks = [], intercept = false, ...rest } = file;
  if (version !== 1) throw invalid(`${egressConfigFile} is not of version 1`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`${egressConfigFile} has an unknown part "${unknown}"`);
  if (!Array.isArray(budgets) || !Array.isArray(prices)) throw invalid("Budgets and prices are lists");
  const strings = Array.isArray(networks) && networks.every((each) => typeof each === "string");
  if (!strings) throw invalid("Networks are a list of texts");
  if (typeof intercept !== "boolean") throw invalid("intercept is neither true nor false");
  return {
    intercept: given.intercept ?? intercept,
    networks: [...(given.networks ?? []), ...(networks as string[])],
    ...(given.resolve === undefined ? {} : { resolve: given.resolve }),
    budgets: [...(given.budgets ?? []), ...budgets].map(checkBudget),
    prices: [...(given.prices ?? []), ...prices].map(checkPrice),
  };
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** Throws `egress.invalid_config`. */
export function checkBudget(value: unknown): BudgetRule {
  const { scope, subject, period, tokens, costMicros, ...rest } = record(value);
  const knownScope = budgetScopes.find((each) => each === scope);
  const knownPeriod = budgetPeriods.find((each) => each === period);
  if (knownScope === undefined) throw invalid(`The scope of a budget is one of: ${budgetScopes.join(", ")}`);
  if (knownPeriod === undefined)
    throw invalid(`The period of a budget is one of: ${budgetPeriods.join(", ")}`);
  if (subject !== undefined && (typeof subject !== "string" || subject === ""))
    throw invalid("The subject of a budget is an id");
  const bounds = { tokens: boundOf(tokens, "tokens"), costMicros: boundOf(costMicros, "costMicros") };
  if (bounds.tokens === undefined && bounds.costMicros === undefined)
    throw invalid("A budget bounds tokens, costMicros or both");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A budget has an unknown part "${unknown}"`);
  return {
    scope: knownScope,
    period: knownPeriod,
    ...(subject === undefined ? {} : { subject }),
    ...(bounds.tokens === undefined ? {} : { tokens: bounds.tokens }),
    ...(bounds.costMicros === undefined ? {} : { costMicros: bounds.costMicros }),
  };
}

function boundOf(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0)
    throw invalid(`${name} of a budget is a whole number, zero or more`);
  return value;
}

function checkPrice(value: unknown): ModelPrice {
  const { model, input, output, cacheRead, cacheWrite, long, ...rest } = record(value);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A price has an unknown part "${unknown}"`);
  if (typeof model !== "string" || model === "") throw invalid("A price names a model");
  const rate = (each: unknown, name: string): number => {
    if (typeof each !== "number" || !Number.isFinite(each) || each < 0)
      throw invalid(`${name} of the price of ${model} is a number, zero or more`);
    return each;
  };
  const { above, inputFactor, outputFactor } = record(long);
  return {
    model: model.toLowerCase(),
    input: rate(input, "input"),
    output: rate(output, "output"),
    ...(cacheRead === undefined ? {} : { cacheRead: rate(cacheRead, "cacheRead") }),
    ...(cacheWrite === undefined ? {} : { cacheWrite: rate(cacheWrite, "cacheWrite") }),
    ...(long === undefined
      ? {}
      : {
          long: {
            above: rate(above, "long.above"),
            inputFactor: rate(inputFactor, "long.inputFactor"),
            outputFactor: rate(outputFactor, "long.outputFactor"),
          },
        }),
  };
}
