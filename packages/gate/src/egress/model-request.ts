import { parseJson } from "../vault/credential-file.ts";
import type { EgressProvider } from "./egress.ts";
import type { MeteredTokens } from "./usage-meter.ts";

export const estimateLimits = {
  /** Output that is set aside for a request that names no bound of its own. */
  assumedOutputTokens: 16_384,
  /** Bytes of a request that are taken for one token. */
  bytesPerToken: 3,
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

/** Google takes a number that is written as a text, too. */
function bound(value: unknown): number | undefined {
  const number = typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return typeof number === "number" && Number.isFinite(number) && number > 0 ? Math.ceil(number) : undefined;
}

const record = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

export function estimateInput(bytes: number): number {
  return Math.ceil(bytes / estimateLimits.bytesPerToken);
}

/** Google reads every name in both of its spellings. */
function generationsOf(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>>[] {
  return [value["generationConfig"], value["generation_config"]].map(record);
}

/** How many answers are made, and paid for, whatever number of them is shown (`best_of`). */
function copiesOf(provider: EgressProvider, value: Readonly<Record<string, unknown>>): number {
  const wanted =
    provider === "google"
      ? generationsOf(value).flatMap((each) => [each["candidateCount"], each["candidate_count"]])
      : [value["n"], value["best_of"]];
  return Math.max(1, ...wanted.flatMap((each) => bound(each) ?? []));
}

/** What bounds the output at this path; a field of another wire bounds nothing here, whatever it says. */
function boundsOf(
  provider: EgressProvider,
  path: string,
  value: Readonly<Record<string, unknown>>,
): unknown[] {
  if (provider === "google") {
    return generationsOf(value).flatMap((each) => [each["maxOutputTokens"], each["max_output_tokens"]]);
  }
  if (provider === "anthropic") return [value["max_tokens"]];
  if (/\/responses(?:\/|$)/.test(path)) return [value["max_output_tokens"]];
  return [value["max_tokens"], value["max_completion_tokens"]];
}

/** Reads a request as far as its price needs it. Whatever cannot be read is assumed, never free. */
export function readModelRequest(provider: EgressProvider, path: string, body: Buffer): ModelRequest {
  const value = parseJson(body.toString("utf8")) ?? {};
  const bounds = boundsOf(provider, path, value).flatMap((each) => bound(each) ?? []);
  const copies = copiesOf(provider, value);
  const most = bounds.length > 0 ? Math.max(...bounds) : estimateLimits.assumedOutputTokens;
  const named = provider === "google" ? /\/models\/([^/:]+)/.exec(path)?.[1] : value["model"];
  return {
    model: typeof named === "string" ? named.slice(0, 200) : "",
    inputTokens: estimateInput(body.length),
    // Beyond this the sums of the book would no longer be exact.
    outputTokens: Math.min(most * copies, 1_000_000_000),
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
