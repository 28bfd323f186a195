/** Commands about usage: what was used, prices of models, budgets. */

import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { harmless, jsonLine, noArguments, parse, UsageError } from "@holdfast/cli";
import type { StudioClient } from "@holdfast/studio";
import {
  type UsageAmounts,
  type UsageDimension,
  type UsageQuery,
  type UsageReport,
  usageDimensions,
} from "../../contract/usage.ts";
import { costText } from "../../usage/cost-text.ts";
import { usageCsv, usageCsvHead } from "../../usage/csv.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const usageUsage = `holdfast usage [--by ${usageDimensions.join(" | ")}] [--since DAY] [--until DAY]

  --by WHAT       groups by this; by day if it is left out
  --since DAY     first day, for example 2026-01-31; 30 days if it is left out
  --until DAY     last day; today if it is left out
  --person ID, --task ID, --agent NAME, --model NAME, --repository NAME
                  only what is of this one
  --csv           all data of these days as CSV
  --organization ID  an organization besides the first one, by its id or name
  --data DIR      data directory (default: HOLDFAST_DATA or .holdfast)
  --json          machine-readable output

Days are in UTC. The cost of a model without a price is unknown, and never 0: set one with "holdfast prices set".`;

const options = {
  by: { type: "string" },
  since: { type: "string" },
  until: { type: "string" },
  person: { type: "string" },
  task: { type: "string" },
  session: { type: "string" },
  agent: { type: "string" },
  model: { type: "string" },
  repository: { type: "string" },
  csv: { type: "boolean" },
} as const;

type Values = ReturnType<typeof parse<typeof options>>["values"];

export async function usageCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { ...organizationOption, ...options });
  if (values.help === true) {
    console.log(usageUsage);
    return 0;
  }
  noArguments(positionals);
  const by = usageDimensions.find((each) => each === (values.by ?? "day"));
  if (by === undefined) throw new UsageError(`--by must be one of: ${usageDimensions.join(", ")}`);
  if (values.csv === true && values.json === true)
    throw new UsageError("--csv and --json exclude each other. Leave one out.");
  return withOwnerAccess(values, async ({ client }) => {
    if (values.csv === true) {
      await pipeline(Readable.from(csvLines(client, daysOf(values))), process.stdout, { end: false });
      return 0;
    }
    const report = await client.usage.report(queryOf(by, values));
    if (values.json === true) console.log(jsonLine(report));
    else print(report);
    return 0;
  });
}

function daysOf({ since, until }: Values) {
  return { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
}

function queryOf(by: UsageDimension, values: Values): UsageQuery {
  const { person, task, session, agent, model, repository } = values;
  const given = Object.entries({ person, task, session, agent, model, repository });
  const filter = Object.fromEntries(given.filter((each): each is [string, string] => each[1] !== undefined));
  return { by, ...daysOf(values), filter, limit: 1_000 };
}

async function* csvLines(
  client: StudioClient,
  days: { readonly since?: string; readonly until?: string },
): AsyncGenerator<string> {
  yield usageCsvHead;
  let cursor: string | undefined;
  do {
    const page = await client.usage.records({ ...days, ...(cursor === undefined ? {} : { cursor }) });
    for (const record of page.records) yield usageCsv(record);
    cursor = page.cursor;
  } while (cursor !== undefined);
}

function print({ by, since, until, rows, omitted, total }: UsageReport): void {
  console.log(`Usage from ${since} to ${until} (UTC), by ${by}`);
  if (rows.length === 0) {
    console.log("Nothing was used.");
    return;
  }
  const names = rows.map(({ key, name }) =>
    harmless(name === "" ? "none" : name === key ? key : `${name} (${key})`),
  );
  const width = Math.max(5, ...names.map(({ length }) => length));
  rows.forEach((row, index) => {
    console.log(`${(names[index] ?? "").padEnd(width)}  ${amountsText(row)}`);
  });
  if (omitted > 0) console.log(`${omitted} more, which are in the total`);
  console.log(`${"Total".padEnd(width)}  ${amountsText(total)}`);
}

function amountsText(amounts: UsageAmounts): string {
  const { turns, requests, inputTokens, outputTokens, sandboxMs } = amounts;
  return [
    costText(amounts).padStart(12),
    `${inputTokens} tokens in, ${outputTokens} out`,
    `${requests} model calls`,
    `${turns} turns`,
    `${Math.round(sandboxMs / 1_000)} s of sandboxes`,
  ].join("  ");
}
