import { harmless, jsonLine, noArguments, oneArgument, parse, UsageError, verbOf } from "@holdfast/cli";
import type { StudioClient } from "@holdfast/studio";
import type { PriceInput } from "../../contract/usage.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const pricesUsage = `holdfast prices [list] | set MODEL --input DOLLARS --output DOLLARS | remove MODEL

  list                  lists the prices of models, and used models without one
  set MODEL             sets the price of a model; a date or "-latest" behind its name still matches
  --input DOLLARS       US dollars for a million tokens that the model reads
  --output DOLLARS      the same for tokens that it writes
  --cache-read DOLLARS, --cache-write DOLLARS
                        for input that is read from a cache, or written to it; as --input if left out
  remove MODEL          back to the price of egress.json or of the table that comes with Holdfast
  --organization ID     an organization besides the first one, by its id or name
  --data DIR            data directory (default: HOLDFAST_DATA or .holdfast)
  --json                machine-readable output

A new price also gives calls of the model their cost whose cost was unknown, and applies to budgets at the next call.`;

const options = {
  input: { type: "string" },
  output: { type: "string" },
  "cache-read": { type: "string" },
  "cache-write": { type: "string" },
} as const;

export async function pricesCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { ...organizationOption, ...options });
  if (values.help === true) {
    console.log(pricesUsage);
    return 0;
  }
  const [given = "list", ...rest] = positionals;
  const verb = verbOf("prices", ["list", "set", "remove"], given);
  if (verb === "list") noArguments(rest);
  const model = verb === "list" ? "" : oneArgument(rest, "The model's name");
  const price = verb === "set" ? priceOf(model, values) : undefined;
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client }) => {
    if (verb === "list") await list(client, json);
    else if (price !== undefined) {
      await client.usage.setPrice(price);
      console.log(json ? jsonLine(price) : "The price is set.");
    } else {
      await client.usage.removePrice(model);
      console.log(json ? jsonLine({ model, removed: true }) : "The edited price is removed.");
    }
    return 0;
  });
}

function priceOf(model: string, values: { readonly [name in keyof typeof options]?: string }): PriceInput {
  const rate = (name: keyof typeof options): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    if (!/^\d{1,7}(\.\d{1,9})?$/.test(text))
      throw new UsageError(`--${name} must be dollars, for example 2.50`);
    return Number(text);
  };
  const [input, output] = [rate("input"), rate("output")];
  if (input === undefined || output === undefined)
    throw new UsageError("--input and --output are both needed");
  const [cacheRead, cacheWrite] = [rate("cache-read"), rate("cache-write")];
  return {
    ...{ model, input, output },
    ...(cacheRead === undefined ? {} : { cacheRead }),
    ...(cacheWrite === undefined ? {} : { cacheWrite }),
  };
}

async function list(client: StudioClient, json: boolean): Promise<void> {
  const { asOf, prices, unpriced } = await client.usage.prices();
  if (json) {
    for (const each of prices) console.log(jsonLine(each));
    for (const each of unpriced) console.log(jsonLine({ ...each, unpriced: true }));
    return;
  }
  for (const { model, input, output, source, isUsed } of prices)
    console.log(
      `${isUsed ? "*" : " "} ${harmless(model).padEnd(28)} $${input} in, $${output} out  ${source === "table" ? `table of ${asOf}` : source}`,
    );
  for (const { model, requests } of unpriced)
    console.log(
      model === ""
        ? `! ${requests} calls were interrupted: what they cost is unknown`
        : `! ${harmless(model)} has no price: the cost of ${requests} calls is unknown. Run: holdfast prices set ${harmless(model)} --input DOLLARS --output DOLLARS`,
    );
}
