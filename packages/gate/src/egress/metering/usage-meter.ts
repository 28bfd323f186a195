import { parseJson } from "../../vault/private-file.ts";
import type { EgressProvider } from "../egress.ts";

export interface MeteredTokens {
  readonly model: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cacheReadTokens: number;
  readonly cacheWriteTokens: number;
}

/** Buffered of one event or one JSON answer to read its usage. Larger ones pass unread. */
export const meterLimits = { maxEventBytes: 4 * 1024 * 1024, maxJsonBytes: 32 * 1024 * 1024 } as const;

/** Reads the token usage from a copy of a model's answer, without delaying the stream. */
export interface UsageMeter {
  /** Does not keep the memory of the chunk. */
  push(chunk: Buffer): void;
  /** Call after the last chunk: the usage, if the answer reported any. */
  end(): MeteredTokens | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields | undefined =>
  typeof value === "object" && value !== null ? (value as Fields) : undefined;

const count = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;

/** Collects the usage fields of an answer; later values replace earlier ones. */
class UsageTally {
  model = "";
  #input: number | undefined;
  #output: number | undefined;
  #cacheRead = 0;
  #cacheWrite = 0;

  /** Anthropic counts cached input beside `input_tokens`: all input is their sum. */
  anthropic(message: Fields): void {
    const usage = fields(message["usage"]);
    this.#model(message);
    if (!usage) return;
    this.#cacheRead = count(usage["cache_read_input_tokens"]) ?? this.#cacheRead;
    this.#cacheWrite = count(usage["cache_creation_input_tokens"]) ?? this.#cacheWrite;
    this.#input = count(usage["input_tokens"]) ?? this.#input;
    this.#output = count(usage["output_tokens"]) ?? this.#output;
  }

  /** OpenAI's two wire formats; cached input is part of the input. */
  openai(answer: Fields): void {
    const usage = fields(answer["usage"]);
    this.#model(answer);
    if (!usage) return;
    const details = fields(usage["prompt_tokens_details"]) ?? fields(usage["input_tokens_details"]);
    this.#cacheRead = count(details?.["cached_tokens"]) ?? this.#cacheRead;
    this.#input = count(usage["prompt_tokens"]) ?? count(usage["input_tokens"]) ?? this.#input;
    this.#output = count(usage["completion_tokens"]) ?? count(usage["output_tokens"]) ?? this.#output;
  }

  /** Gemini repeats the total usage in each part of a stream. Thinking counts as output. */
  google(answer: Fields): void {
    if (typeof answer["modelVersion"] === "string") this.model = answer["modelVersion"].slice(0, 200);
    const usage = fields(answer["usageMetadata"]);
    if (!usage) return;
    const input = count(usage["promptTokenCount"]);
    if (input !== undefined) this.#input = input + (count(usage["toolUsePromptTokenCount"]) ?? 0);
    const output = count(usage["candidatesTokenCount"]);
    const thoughts = count(usage["thoughtsTokenCount"]);
    if (output !== undefined || thoughts !== undefined) this.#output = (output ?? 0) + (thoughts ?? 0);
    this.#cacheRead = count(usage["cachedContentTokenCount"]) ?? this.#cacheRead;
  }

  #model(answer: Fields): void {
    if (typeof answer["model"] === "string") this.model = answer["model"].slice(0, 200);
  }

  result(cacheIsSeparate: boolean): MeteredTokens | undefined {
    if (this.#input === undefined && this.#output === undefined) return undefined;
    const cached = cacheIsSeparate ? this.#cacheRead + this.#cacheWrite : 0;
    return {
      model: this.model,
      inputTokens: (this.#input ?? 0) + cached,
      outputTokens: this.#output ?? 0,
      cacheReadTokens: this.#cacheRead,
      cacheWriteTokens: this.#cacheWrite,
    };
  }
}

function readInto(tally: UsageTally, provider: EgressProvider, value: Fields): void {
  if (provider === "google") {
    // Without server-sent events a stream is one array of answers.
    for (const each of Array.isArray(value) ? value : [value]) tally.google(fields(each) ?? {});
    return;
  }
  if (provider === "anthropic") {
    // message_start carries the message; message_delta carries the usage itself.
    tally.anthropic(fields(value["message"]) ?? value);
    return;
  }
  tally.openai(fields(value["response"]) ?? value);
}

/** A meter for an answer of this content type; undefined for a type that reports no usage. */
export function createMeter(provider: EgressProvider, contentType: string): UsageMeter | undefined {
  if (provider === "none") return undefined;
  const tally = new UsageTally();
  const take = (text: string) => {
    const value = parseJson(text);
    if (value) readInto(tally, provider, value);
  };
  const end = () => tally.result(provider === "anthropic");
  if (/^text\/event-stream\b/i.test(contentType)) {
    const events = new EventReader(take);
    return { push: (chunk) => events.push(chunk), end };
  }
  if (!/^application\/(?:[\w.+-]+\+)?json\b/i.test(contentType)) return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  return {
    push(chunk) {
      bytes += chunk.length;
      if (bytes <= meterLimits.maxJsonBytes) chunks.push(Buffer.from(chunk));
    },
    end() {
      if (bytes <= meterLimits.maxJsonBytes) take(Buffer.concat(chunks).toString("utf8"));
      return end();
    },
  };
}

/** Parser of server-sent events (WHATWG HTML, section 9.2): calls back with the data of each event. */
class EventReader {
  readonly #take: (data: string) => void;
  #line: Buffer[] = [];
  #lineBytes = 0;
  #data: string[] = [];
  #dataBytes = 0;

  constructor(take: (data: string) => void) {
    this.#take = take;
  }

  push(chunk: Buffer): void {
    let from = 0;
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#endLine();
      from = at + 1;
    }
    this.#keep(Buffer.from(chunk.subarray(from)));
  }

  #keep(part: Buffer): void {
    this.#lineBytes += part.length;
    if (this.#lineBytes <= meterLimits.maxEventBytes) this.#line.push(part);
  }

  #endLine(): void {
    const whole = this.#lineBytes <= meterLimits.maxEventBytes;
    const line = whole ? Buffer.concat(this.#line).toString("utf8").replace(/\r$/, "") : "";
    this.#line = [];
    this.#lineBytes = 0;
    if (whole && line === "") {
      if (this.#dataBytes <= meterLimits.maxEventBytes && this.#data.length > 0)
        this.#take(this.#data.join("\n"));
      this.#data = [];
      this.#dataBytes = 0;
    } else if (line.startsWith("data:")) {
      this.#dataBytes += line.length;
      if (this.#dataBytes <= meterLimits.maxEventBytes) this.#data.push(line.slice(5).trimStart());
    }
  }
}
