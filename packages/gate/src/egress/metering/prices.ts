import type { MeteredTokens } from "./usage-meter.ts";

/** Prices in US dollars for a million tokens, which is millionths of a dollar for one. */
export interface ModelPrice {
  /** The model's id. A date or "-latest" behind it still matches; "*" matches every model without a price. */
  readonly model: string;
  readonly input: number;
  readonly output: number;
  /** The price of `input` by default. */
  readonly cacheRead?: number;
  readonly cacheWrite?: number;
  /** For prompts of more than `above` tokens: factors for the prices of the complete call. */
  readonly long?: { readonly above: number; readonly inputFactor: number; readonly outputFactor: number };
}

/** The prices of the providers' models. */
export interface PriceTable {
  /** The day on which the prices were read from these pages. */
  readonly asOf: string;
  readonly sources: readonly string[];
  readonly prices: readonly ModelPrice[];
}

const price = (
  model: string,
  input: number,
  output: number,
  cacheRead?: number,
  cacheWrite?: number,
  long?: ModelPrice["long"],
): ModelPrice => ({
  model,
  input,
  output,
  ...(cacheRead === undefined ? {} : { cacheRead }),
  ...(cacheWrite === undefined ? {} : { cacheWrite }),
  ...(long === undefined ? {} : { long }),
});

const long272 = { above: 272_000, inputFactor: 2, outputFactor: 1.5 };
const long200 = { above: 200_000, inputFactor: 2, outputFactor: 1.5 };

/** Standard rates of the providers' own services. An operator's prices go before these. */
export const priceTable: PriceTable = {
  asOf: "2026-11-05",
  sources: [
    "https://platform.claude.com/docs/en/about-claude/pricing",
    "https://developers.openai.com/api/docs/pricing",
    "https://ai.google.dev/gemini-api/docs/pricing",
  ],
  prices: [
    price("claude-fable-5-1", 10, 50, 0.25, 12.5),
    price("claude-mythos-5-1", 10, 50, 0.25, 12.5),
    price("claude-fable-5", 10, 50, 1, 12.5),
    price("claude-mythos-5", 10, 50, 1, 12.5),
    price("claude-opus-5-5", 4, 20, 0.2, 5),
    price("claude-opus-5", 5, 25, 0.5, 6.25),
    price("claude-opus-4-8", 5, 25, 0.5, 6.25),
    price("claude-opus-4-7", 5, 25, 0.5, 6.25),
    price("claude-opus-4-6", 5, 25, 0.5, 6.25),
    price("claude-opus-4-5", 5, 25, 0.5, 6.25),
    price("claude-opus-4", 15, 75, 1.5, 18.75),
    price("claude-sonnet-5-5", 2, 10, 0.1, 2.5),
    price("claude-sonnet-5", 2, 10, 0.2, 2.5),
    price("claude-sonnet-4", 3, 15, 0.3, 3.75),
    price("claude-haiku-5-5", 0.1, 0.5, 0.01, 0.125, { above: 100_000, inputFactor: 5, outputFactor: 5 }),
    price("claude-haiku-4-5", 1, 5, 0.1, 1.25),
    price("gpt-6-astra", 10, 50, 1, 12.5, long272),
    price("gpt-6.1-sol", 2, 10, 0.1, 2.5, long272),
    price("gpt-6.1-terra", 1, 5, 0.05, 1.25, long272),
    price("gpt-6-sol", 2, 10, 0.2, 2.5, long272),
    price("gpt-6-luna", 0.1, 0.5, 0.01, 0.125, long272),
    price("gpt-5.6-sol", 4, 20),
    price("gpt-5.6-luna", 0.2, 1.2),
    price("gpt-5.5", 5, 30, 0.5),
    price("gpt-5.4", 2.5, 15, 0.25),
    price("gpt-5.4-mini", 0.75, 4.5, 0.075),
    price("gpt-5.4-nano", 0.2, 1.25, 0.02),
    price("gpt-5.3-codex", 1.75, 14, 0.175),
    price("gpt-5.2-codex", 1.75, 14, 0.175),
    price("gpt-5.2", 1.75, 14, 0.175),
    price("gpt-5.1", 1.25, 10, 0.125),
    price("gpt-5", 1.25, 10, 0.125),
    price("gpt-5-mini", 0.25, 2, 0.025),
    price("gpt-5-nano", 0.05, 0.4),
    price("gpt-4.1", 2, 8, 0.5),
    price("gpt-4o", 2.5, 10, 1.25),
    price("gpt-4o-mini", 0.15, 0.6, 0.075),
    // The rate from January 2027; until then half of it is charged.
    price("gemini-3.8-flash", 1.5, 7.5),
    price("gemini-3.5-flash", 1.5, 9),
    price("gemini-3.5-flash-lite", 0.3, 2.5),
    price("gemini-3.1-pro", 2, 12, undefined, undefined, long200),
    price("gemini-3-pro", 2, 12, undefined, undefined, long200),
    price("gemini-2.5-pro", 1.25, 10, undefined, undefined, long200),
    price("gemini-2.5-flash", 1, 2.5),
    price("gemini-2.5-flash-lite", 0.3, 0.4),
  ],
};

/** Suffixes of a model's id that do not make it another model: a date, a channel, a variant in brackets. */
const sameModel = /^(?:-(?:\d[\d-]*|latest|preview[\w-]*|exp[\w-]*))?(?:[[:@].*)?$/;

export interface Cost {
  readonly micros: number;
  /** False where the model has no price, and the highest of all prices was used. */
  readonly known: boolean;
}

/** Looks up prices of models, first those of the operator, then those of the table. */
export class Prices {
  readonly #configured: readonly ModelPrice[];
  #operatorPrices: readonly ModelPrice[] = [];
  #highest: ModelPrice = price("*", 0, 0);

  /** With the prices of the configuration. */
  constructor(configured: readonly ModelPrice[] = []) {
    this.#configured = configured;
    this.replaceEdited([]);
  }

  /** Replaces the prices that people have edited, which go before all others. They apply to the next call. */
  replaceEdited(edited: readonly ModelPrice[]): void {
    const names = new Set(edited.map(({ model }) => model));
    this.#operatorPrices = [...edited, ...this.#configured.filter(({ model }) => !names.has(model))];
    const all = [...this.#operatorPrices, ...priceTable.prices];
    this.#highest = price(
      "*",
      Math.max(...all.map((each) => each.input)),
      Math.max(...all.map((each) => each.output)),
    );
  }

  /** The prices of the configuration, without the table and what people have edited. */
  get configured(): readonly ModelPrice[] {
    return this.#configured;
  }

  /** The price with the longest id that matches; undefined when none does. */
  find(model: string): ModelPrice | undefined {
    // Aggregators such as OpenRouter put the vendor before the model.
    const name = model.slice(model.lastIndexOf("/") + 1).toLowerCase();
    const matches = (each: ModelPrice) =>
      each.model === model || (name.startsWith(each.model) && sameModel.test(name.slice(each.model.length)));
    const best = (prices: readonly ModelPrice[]) =>
      prices
        .filter(matches)
        .reduce<ModelPrice | undefined>(
          (found, each) => (found === undefined || each.model.length > found.model.length ? each : found),
          undefined,
        );
    return (
      best(this.#operatorPrices) ??
      best(priceTable.prices) ??
      this.#operatorPrices.find((each) => each.model === "*")
    );
  }

  /**
   * The cost of these tokens in millionths of a dollar, rounded up. A model without a price costs as much as the most
   * expensive one, or nothing where `freeIfUnknown` is set, as for a server of the operator's own.
   */
  cost(tokens: MeteredTokens, freeIfUnknown = false): Cost {
    const found = this.find(tokens.model);
    if (found === undefined && freeIfUnknown) return { micros: 0, known: false };
    const rate = found ?? this.#highest;
    const long = rate.long !== undefined && tokens.inputTokens > rate.long.above ? rate.long : undefined;
    const cached = Math.min(tokens.inputTokens, tokens.cacheReadTokens + tokens.cacheWriteTokens);
    const input =
      (tokens.inputTokens - cached) * rate.input +
      tokens.cacheReadTokens * (rate.cacheRead ?? rate.input) +
      tokens.cacheWriteTokens * (rate.cacheWrite ?? rate.input);
    const micros =
      input * (long?.inputFactor ?? 1) + tokens.outputTokens * rate.output * (long?.outputFactor ?? 1);
    return { micros: Math.max(0, Math.ceil(micros - 1e-9)), known: found !== undefined };
  }
}
