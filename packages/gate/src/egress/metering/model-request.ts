import type { EgressProvider } from "../egress.ts";
import { amountOf, fieldsOf, type RequestBody, readFields } from "./model-fields.ts";
import type { MeteredTokens } from "./usage-meter.ts";

export const estimateLimits = {
  /** Output tokens that are reserved for a request without a bound of its own. */
  assumedOutputTokens: 16_384,
  /** Bytes of a request that are estimated as one token. */
  bytesPerToken: 3,
  /** How deep a request may be nested, and how many keys, objects and arrays it may have. */
  maxRequestDepth: 512,
  maxRequestMembers: 250_000,
} as const;

/** Whether a call generates output; listing models and counting tokens is free. */
export function isGeneration(provider: EgressProvider, method: string, path: string): boolean {
  return (
    provider !== "none" && method === "POST" && !/(?:\/count_tokens|:countTokens|\/input_tokens)$/.test(path)
  );
}

/** The most that a call may use, by its request. */
export interface ModelRequest {
  /** "" where the request does not say. */
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** Estimated tokens of a text of this many bytes. */
export function estimateInput(bytes: number): number {
  return Math.ceil(bytes / estimateLimits.bytesPerToken);
}

/** Above this, the sums of the ledger would not be exact. */
const maxTokens = 1_000_000_000;

/** The fields of a wire format that bound usage, in every spelling that its server accepts. */
interface WireFormat {
  readonly model: string | undefined;
  /** The objects that hold `bounds` and `copies`; empty where the request itself does. */
  readonly containers: readonly string[];
  /** Fields that bound the output. A field of another wire format bounds nothing. */
  readonly bounds: readonly string[];
  /** Fields with the number of answers that are generated and paid for, also when fewer are returned (`best_of`). */
  readonly copies: readonly string[];
}

const google: WireFormat = {
  model: undefined,
  containers: ["generationConfig", "generation_config"],
  bounds: ["maxOutputTokens", "max_output_tokens"],
  copies: ["candidateCount", "candidate_count"],
};

function wireFormatOf(provider: EgressProvider, path: string): WireFormat {
  if (provider === "google") return google;
  const openai = /\/responses(?:\/|$)/.test(path)
    ? ["max_output_tokens"]
    : ["max_tokens", "max_completion_tokens"];
  const bounds = provider === "anthropic" ? ["max_tokens"] : openai;
  return { model: "model", containers: [], bounds, copies: ["n", "best_of"] };
}

/** Reads what a request may use. Throws {@link AmbiguousBodyError} where its server may read another request. */
export function readModelRequest(provider: EgressProvider, path: string, body: RequestBody): ModelRequest {
  const { model, containers, bounds, copies } = wireFormatOf(provider, path);
  const topLevel =
    containers.length > 0 ? containers : [...(model === undefined ? [] : [model]), ...bounds, ...copies];
  const request = readFields(body, topLevel, estimateLimits);
  const objects =
    containers.length > 0
      ? containers.map((name) => fieldsOf(request.get(name), [...bounds, ...copies]))
      : [request];
  const amounts = (names: readonly string[]) =>
    objects.flatMap((object) => names.flatMap((name) => amountOf(name, object.get(name)) ?? []));
  const wanted = amounts(bounds);
  const outputBound = wanted.length > 0 ? Math.max(...wanted) : estimateLimits.assumedOutputTokens;
  const named = model === undefined ? /\/models\/([^/:]+)/.exec(path)?.[1] : request.get(model);
  return {
    model: typeof named === "string" ? named.slice(0, 200) : "",
    inputTokens: estimateInput(body.bytes.length),
    outputTokens: Math.min(outputBound * Math.max(1, ...amounts(copies)), maxTokens),
  };
}

/** How far a forwarded call got. */
export interface CallProgress {
  readonly status: number | undefined;
  readonly bytesOut: number;
  readonly bytesIn: number;
  /** Whether a connection was made, so that the upstream may have done work. */
  readonly connected: boolean;
  /** Whether the answer was streamed: then it has at most one token per byte. */
  readonly streamed: boolean;
  /** Whether the answer arrived completely. */
  readonly complete: boolean;
}

/**
 * Charge of a call: the usage in its response or, if that is missing or truncated, an upper bound. Undefined when
 * nothing was used.
 */
export function chargeOf(
  reported: MeteredTokens | undefined,
  request: ModelRequest,
  progress: CallProgress,
): { readonly tokens: MeteredTokens; readonly estimated: boolean } | undefined {
  if (reported !== undefined && progress.complete)
    return { tokens: named(reported, request), estimated: false };
  if (!progress.connected) return undefined;
  if (progress.status !== undefined && progress.status >= 400) return undefined;
  const outputBound = progress.streamed
    ? Math.min(request.outputTokens, progress.bytesIn)
    : request.outputTokens;
  return {
    tokens: {
      model: reported?.model || request.model,
      inputTokens: reported?.inputTokens ?? request.inputTokens,
      outputTokens: Math.max(reported?.outputTokens ?? 0, outputBound),
      cacheReadTokens: reported?.cacheReadTokens ?? 0,
      cacheWriteTokens: reported?.cacheWriteTokens ?? 0,
    },
    estimated: true,
  };
}

const named = (reported: MeteredTokens, request: ModelRequest): MeteredTokens =>
  reported.model === "" ? { ...reported, model: request.model } : reported;
