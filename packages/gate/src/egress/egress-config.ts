import { join } from "node:path";
import { HoldfastError } from "@holdfast/core";
import { requireDataDirectory } from "../data-directory.ts";
import { parseJson, readIfPresent } from "../vault/private-file.ts";
import { AllowedHosts } from "./decisions/allowed-hosts.ts";
import type { Resolve } from "./decisions/public-address.ts";
import type { EgressHost } from "./egress.ts";
import { type BudgetRule, budgetPeriods, budgetScopes } from "./metering/budget.ts";
import type { ModelPrice } from "./metering/prices.ts";

/** Egress settings of the operator, for all jails. */
export interface EgressConfig {
  /** Hard bounds on the usage of models. */
  readonly budgets?: readonly BudgetRule[];
  /** Prices that override those of the table. */
  readonly prices?: readonly ModelPrice[];
  /** Private networks ("10.1.0.0/16") to which names that a jail chooses may resolve. */
  readonly networks?: readonly string[];
  /**
   * True to intercept, in every jail without a setting of its own, tunnels (CONNECT) to upstreams and to hosts with
   * restricting rules. The program's value overrides the file's. False by default.
   */
  readonly intercept?: boolean;
  /** Hosts that agents may name by themselves, such as the sites for a browser: where `openEgress` is given none. */
  readonly hosts?: readonly EgressHost[];
  /** Resolves a name to all of its addresses; the host's resolver by default. Not in the file. */
  readonly resolve?: Resolve;
}

/** The file of these settings in a data directory. */
export const egressConfigFile = "egress.json";

function invalid(message: string): HoldfastError {
  return new HoldfastError("egress", "invalid_config", message, { statusCode: 400 });
}

/**
 * Reads `<dataDir>/egress.json` (`{"version": 1, ...}`), if it exists, and adds the settings of the program.
 * Throws `egress.invalid_config`, since a budget that is not understood would bound nothing, and `gate.invalid_config`.
 */
export async function loadEgressConfig(dataDir: string, overrides: EgressConfig = {}): Promise<EgressConfig> {
  const content = await readIfPresent(
    join(requireDataDirectory(dataDir, "loadEgressConfig"), egressConfigFile),
  );
  const file = content === undefined ? { version: 1 } : parseJson(content.toString("utf8"));
  if (file === undefined) throw invalid(`${egressConfigFile} is not JSON`);
  const { version, budgets = [], prices = [], networks = [], intercept = false, hosts = [], ...rest } = file;
  if (version !== 1) throw invalid(`${egressConfigFile} must say "version": 1`);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`${egressConfigFile} has an unknown field "${unknown}"`);
  if (!Array.isArray(budgets) || !Array.isArray(prices)) throw invalid("budgets and prices must be lists");
  const strings = Array.isArray(networks) && networks.every((each) => typeof each === "string");
  if (!strings) throw invalid("networks must be a list of texts");
  if (typeof intercept !== "boolean") throw invalid("intercept must be true or false");
  if (!Array.isArray(hosts)) throw invalid("hosts must be a list");
  const allHosts = [...(overrides.hosts ?? []), ...hosts.map(checkHost)];
  try {
    new AllowedHosts(allHosts);
  } catch (error) {
    throw invalid(`hosts: ${error instanceof Error ? error.message : String(error)}`);
  }
  return {
    hosts: allHosts,
    intercept: overrides.intercept ?? intercept,
    networks: [...(overrides.networks ?? []), ...(networks as string[])],
    ...(overrides.resolve === undefined ? {} : { resolve: overrides.resolve }),
    budgets: [...(overrides.budgets ?? []), ...budgets].map(checkBudget),
    prices: [...(overrides.prices ?? []), ...prices].map(checkPrice),
  };
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

/** A host of the file, which has no credentials: those are in the vault. */
function checkHost(value: unknown): EgressHost {
  const { host, ports, methods, pathPrefix, trusted, ...rest } = record(value);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A host has an unknown field "${unknown}"`);
  const isList = (list: unknown, type: "string" | "number") =>
    list === undefined || (Array.isArray(list) && list.every((each) => typeof each === type));
  const isHost =
    typeof host === "string" &&
    isList(ports, "number") &&
    isList(methods, "string") &&
    (pathPrefix === undefined || typeof pathPrefix === "string") &&
    (trusted === undefined || typeof trusted === "boolean");
  if (!isHost)
    throw invalid("A host must have a host, and ports, methods, pathPrefix and trusted of their types");
  return value as EgressHost;
}

/** Throws `egress.invalid_config`. */
export function checkBudget(value: unknown): BudgetRule {
  const { scope, subject, period, tokens, costMicros, ...rest } = record(value);
  const knownScope = budgetScopes.find((each) => each === scope);
  const knownPeriod = budgetPeriods.find((each) => each === period);
  if (knownScope === undefined)
    throw invalid(`The scope of a budget must be one of: ${budgetScopes.join(", ")}`);
  if (knownPeriod === undefined)
    throw invalid(`The period of a budget must be one of: ${budgetPeriods.join(", ")}`);
  if (subject !== undefined && (typeof subject !== "string" || subject === ""))
    throw invalid("The subject of a budget must be an id");
  const bounds = { tokens: boundOf(tokens, "tokens"), costMicros: boundOf(costMicros, "costMicros") };
  if (bounds.tokens === undefined && bounds.costMicros === undefined)
    throw invalid("A budget must bound tokens, costMicros or both");
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A budget has an unknown field "${unknown}"`);
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
    throw invalid(`${name} of a budget must be a whole number, zero or more`);
  return value;
}

function checkPrice(value: unknown): ModelPrice {
  const { model, input, output, cacheRead, cacheWrite, long, ...rest } = record(value);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw invalid(`A price has an unknown field "${unknown}"`);
  if (typeof model !== "string" || model === "") throw invalid("A price must name a model");
  const rate = (each: unknown, name: string): number => {
    if (typeof each !== "number" || !Number.isFinite(each) || each < 0)
      throw invalid(`${name} of the price of ${model} must be a number, zero or more`);
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
