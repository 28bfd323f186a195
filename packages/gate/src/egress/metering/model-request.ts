import type { EgressProvider } from "../egress.ts";
import { amountOf, fieldsOf, type RequestBody, readFields } from "./model-fields.ts";
import type { MeteredTokens } from "./usage-meter.ts";

export const estimateLimits = {
  /** Output that is set aside for a request that names no bound of its own. */
  assumedOutputTokens: 16_384,
  /** Bytes of a request that are taken for one token. */
  bytesPerToken: 3,
  /** How deep a request may be nested, and how many keys, objects and arrays it may have. */
  maxRequestDepth: 512,
  maxRequestMembers: 250_000,
} as const;

/** True for calls that make a model work; lists and counts are free. */
export function isGeneration(provider: EgressProvider, method: string, path: string): boolean {
  return (
    provider !== "none" && method === "POST" && !/(?:\/count_tokens|:countTokens|\/input_tokens)$/.test(path)
  );
}

/** What a call may use at most, as far as its request says. */
export interface ModelRequest {
  /** "" where the request does not say. */
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export function estimateInput(bytes: number): number {
  return Math.ceil(bytes / estimateLimits.bytesPerToken);
}

/** Beyond this the sums of the ledger would no longer be exact. */
const mostTokens = 1_000_000_000;

/** What of a request says how much it may use; each name is looked for in every spelling that its server takes. */
interface Wire {
  readonly model: string | undefined;
  /** Where `bounds` and `copies` stand; in the request itself where it is empty. */
  readonly within: readonly string[];
  /** A field of another wire bounds nothing, whatever it says. */
  readonly bounds: readonly string[];
  /** How many answers are made, and paid for, whatever number of them is shown (`best_of`). */
  readonly copies: readonly string[];
}

const google: Wire = {
  model: undefined,
  within: ["generationConfig", "generation_config"],
  bounds: ["maxOutputTokens", "max_output_tokens"],
  copies: ["candidateCount", "candidate_count"],
};

function wireOf(provider: EgressProvider, path: string): Wire {
  if (provider === "google") return google;
  const openai = /\/responses(?:\/|$)/.test(path)
    ? ["max_output_tokens"]
    : ["max_tokens", "max_completion_tokens"];
  const bounds = provider === "anthropic" ? ["max_tokens"] : openai;
  return { model: "model", within: [], bounds, copies: ["n", "best_of"] };
}

/** What a request may use. Throws {@link AmbiguousBodyError} where its server may read another request than this. */
export function readModelRequest(provider: EgressProvider, path: string, body: RequestBody): ModelRequest {
  const { model, within, bounds, copies } = wireOf(provider, path);
  const here = within.length > 0 ? within : [...(model === undefined ? [] : [model]), ...bounds, ...copies];
  const request = readFields(body, here, estimateLimits);
  const places =
    within.length > 0 ? within.map((name) => fieldsOf(request.get(name), [...bounds, ...copies])) : [request];
  const amounts = (names: readonly string[]) =>
    places.flatMap((place) => names.flatMap((name) => amountOf(name, place.get(name)) ?? []));
  const wanted = amounts(bounds);
  const most = wanted.length > 0 ? Math.max(...wanted) : estimateLimits.assumedOutputTokens;
  const named = model === undefined ? /\/models\/([^/:]+)/.exec(path)?.[1] : request.get(model);
  return {
    model: typeof named === "string" ? named.slice(0, 200) : "",
    inputTokens: estimateInput(body.bytes.length),
    outputTokens: Math.min(most * Math.max(1, ...amounts(copies)), mostTokens),
  };
}

/** How far a call got that has to be charged. */
export interface CallProgress {
  readonly status: number | undefined;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** A connection stood, so that the upstream may have worked. */
  readonly connected: boolean;
  /** The answer came in pieces, each of them worth a token at most for a byte. */
  readonly streamed: boolean;
  /** The answer was whole. */
  readonly complete: boolean;
}

/**
 * What a call is charged: what its answer told; where that is missing or cut off, the least that is
 * surely enough. Undefined when nothing was used.
 */
export function chargeOf(
  told: MeteredTokens | undefined,
  asked: ModelRequest,
  progress: CallProgress,
): { readonly tokens: MeteredTokens; readonly estimated: boolean } | undefined {
  if (told !== undefined && progress.complete) return { tokens: named(told, asked), estimated: false };
  if (!progress.connected) return undefined;
  if (progress.status !== undefined && progress.status >= 400) return undefined;
  const most = progress.streamed ? Math.min(asked.outputTokens, progress.bytesIn) : asked.outputTokens;
  return {
    tokens: {
      model: told?.model || asked.model,
      inputTokens: told?.inputTokens ?? asked.inputTokens,
      outputTokens: Math.max(told?.outputTokens ?? 0, most),
      cacheReadTokens: told?.cacheReadTokens ?? 0,
      cacheWriteTokens: told?.cacheWriteTokens ?? 0,
    },
    estimated: true,
  };
}

const named = (told: MeteredTokens, asked: ModelRequest): MeteredTokens =>
  told.model === "" ? { ...told, model: asked.model } : told;
