import { type ModelPrice, Prices, priceTable } from "@holdfast/gate";
import type { PriceInput, PriceList, PriceView } from "../../contract/usage.ts";
import { studioLimits } from "../../limits.ts";
import { invalidUsage } from "./input.ts";
import type { SessionOfTask } from "./record.ts";
import type { UsageDatabase } from "./schema.ts";

/** The prices that people have edited. */
export function editedPrices(db: UsageDatabase): readonly PriceInput[] {
  return db
    .query<{ body: string }>("SELECT body FROM price ORDER BY model")
    .map(({ body }) => JSON.parse(body) as PriceInput);
}

/**
 * Sets a price, and gives calls that it matches their cost. Returns the sessions of these calls. Throws
 * `usage.invalid_input`.
 */
export async function setPrice(
  db: UsageDatabase,
  price: PriceInput,
  configured: readonly ModelPrice[],
): Promise<readonly SessionOfTask[]> {
  const { count } = db.get<{ count: number }>(
    "SELECT count(*) AS count FROM price WHERE model <> ?",
    price.model,
  ) ?? {
    count: 0,
  };
  if (count >= studioLimits.maxPrices)
    throw invalidUsage(`There are ${count} edited prices. Remove one of them first.`);
  await db.execute(
    "INSERT INTO price (model, body) VALUES (?, ?) ON CONFLICT DO UPDATE SET body = excluded.body",
    price.model,
    JSON.stringify(price),
  );
  return priceUnpriced(db, configured);
}

interface UnpricedRow {
  readonly model: string;
  readonly input: number;
  readonly output: number;
  readonly cache_read: number;
  readonly cache_write: number;
}

/** Gives calls whose model has a price by now their cost. Each row is priced on its own. */
async function priceUnpriced(
  db: UsageDatabase,
  configured: readonly ModelPrice[],
): Promise<readonly SessionOfTask[]> {
  const sessions = new Map<string, SessionOfTask>();
  const prices = pricesOf(db, configured);
  const models = db.query<{ model: string }>(
    "SELECT DISTINCT model FROM used WHERE unpriced > 0 AND model <> ''",
  );
  for (const { model } of models) {
    const found = prices.find(model);
    if (found === undefined) continue;
    const rows = db.query<UnpricedRow & { readonly key: string } & SessionOfTask>(
      `SELECT task, session, json_array(day, person, task, session, agent, model, repository) AS key, model,
         unpriced_input AS input, unpriced_output AS output,
         unpriced_cache_read AS cache_read, unpriced_cache_write AS cache_write
       FROM used WHERE model = ? AND unpriced > 0`,
      model,
    );
    for (const { key, task, session, input, output, cache_read, cache_write } of rows) {
      const { micros } = prices.cost({
        ...{ model, inputTokens: input, outputTokens: output },
        ...{ cacheReadTokens: cache_read, cacheWriteTokens: cache_write },
      });
      await db.execute(
        `UPDATE used SET cost = cost + ?, unpriced = 0, unpriced_input = 0, unpriced_output = 0,
           unpriced_cache_read = 0, unpriced_cache_write = 0
         WHERE (day, person, task, session, agent, model, repository) = (?, ?, ?, ?, ?, ?, ?)`,
        micros,
        ...(JSON.parse(key) as string[]),
      );
      sessions.set(session, { task, session });
    }
  }
  return [...sessions.values()];
}

function pricesOf(db: UsageDatabase, configured: readonly ModelPrice[]): Prices {
  const prices = new Prices(configured);
  prices.replaceEdited(editedPrices(db));
  return prices;
}

export async function removePrice(db: UsageDatabase, model: string): Promise<void> {
  await db.execute("DELETE FROM price WHERE model = ?", model);
}

/** Every price, those of used models first, and the used models without one. */
export function listPrices(db: UsageDatabase, configured: readonly ModelPrice[]): PriceList {
  const used = db.query<{ model: string; requests: number; unpriced: number }>(
    "SELECT model, sum(requests) AS requests, sum(unpriced) AS unpriced FROM used WHERE requests > 0 GROUP BY model",
  );
  const prices = pricesOf(db, configured);
  const matched = new Set(used.flatMap(({ model }) => (model === "" ? [] : [prices.find(model)?.model])));
  const edited = editedPrices(db);
  const names = new Set<string>();
  const views: PriceView[] = [];
  for (const [source, list] of [
    ["edited", edited],
    ["configured", configured],
    ["table", priceTable.prices],
  ] as const)
    for (const { model, input, output, cacheRead, cacheWrite } of list) {
      // The first of two prices of a model is in force.
      if (names.has(model)) continue;
      names.add(model);
      views.push({
        ...{ model, input, output, source, isUsed: matched.has(model) },
        ...(cacheRead === undefined ? {} : { cacheRead }),
        ...(cacheWrite === undefined ? {} : { cacheWrite }),
      });
    }
  const order = ({ isUsed, source }: PriceView) => (isUsed ? 0 : source === "table" ? 2 : 1);
  return {
    asOf: priceTable.asOf,
    prices: views.sort((a, b) => order(a) - order(b) || a.model.localeCompare(b.model)),
    unpriced: used
      .filter(({ unpriced }) => unpriced > 0)
      .map(({ model, unpriced }) => ({ model, requests: unpriced }))
      .sort((a, b) => b.requests - a.requests),
  };
}
