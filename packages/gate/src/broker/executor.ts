import { randomUUID } from "node:crypto";
import { isHoldfastError, type Logger } from "@holdfast/core";
import { brokerLimits } from "./broker-limits.ts";
import { corePlugin } from "./catalog.ts";
import { type BrokerErrorPayload, pipelineCodes } from "./errors.ts";
import type { Sanitizer } from "./messages/sanitizer.ts";
import { Refusal } from "./refusal.ts";
import type { ConfirmedCall } from "./stages/stage.ts";
import type { Taint } from "./taint.ts";
import type { Principal, ToolError, ToolOutcome, ToolProgress } from "./tool.ts";

export interface ExecutorParts {
  readonly sanitizer: Sanitizer;
  readonly taint: Taint;
  /** Marks the caller's session, on record. */
  readonly onUntrusted: (principal: Principal, reason: string) => Promise<void>;
  readonly log: Logger;
  /** Milliseconds, where a tool does not say. */
  readonly timeoutMs: number;
}

/** How a call ended, sanitised: what is told to its caller. */
export interface Executed {
  /** The result as JSON; "null" with an error. */
  readonly text: string;
  readonly error: BrokerErrorPayload | null;
  readonly redactions: number;
  readonly flags: number;
  /** Finds what really happened in the log of the host. */
  readonly incident: string | undefined;
}

/** The reason of a signal whose caller wanted no more. */
export class Cancelled extends Error {}

const timedOut = Symbol("timed out");

/** The one way in which a handler is called: bounded in time and size, its words sanitised, its faults hidden. */
export class Executor {
  readonly #parts: ExecutorParts;

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
  }

  async run(
    call: ConfirmedCall,
    caller: AbortSignal,
    onProgress: (progress: ToolProgress) => void,
  ): Promise<Executed> {
    const { tool, source } = call.entry;
    const timeoutMs = tool.timeoutMs ?? this.#parts.timeoutMs;
    const ending = new AbortController();
    const end = Promise.withResolvers<never>();
    // Nobody may be left to see it.
    end.promise.catch(() => {});
    const stop = (reason: unknown) => {
      ending.abort(reason);
      end.reject(reason);
    };
    const timer = setTimeout(() => stop(timedOut), timeoutMs);
    const onCancel = () => stop(caller.reason);
    caller.addEventListener("abort", onCancel, { once: true });
    try {
      caller.throwIfAborted();
      const tainted = this.#parts.taint.has(call.principal.session);
      // First, since errors and progress hold untrusted content too.
      if (tool.untrusted === true)
        await this.#parts.onUntrusted(call.principal, `the tool ${tool.name} was called`);
      const answer = source.invoke({
        tool,
        arguments: call.envelope.payload.arguments,
        principal: call.principal,
        correlation: call.envelope.correlation,
        signal: ending.signal,
        onProgress: this.#progress(ending.signal, onProgress),
        tainted,
      });
      const outcome = await Promise.race([answer, end.promise]);
      if (outcome?.ok === true && outcome.untrusted === true)
        await this.#parts.onUntrusted(call.principal, `the tool ${tool.name} returned untrusted content`);
      return this.#told(call, outcome);
    } catch (error) {
      return this.#failed(call, error, timeoutMs);
    } finally {
      clearTimeout(timer);
      caller.removeEventListener("abort", onCancel);
      // Whatever the handler still does, nobody hears of it.
      ending.abort();
    }
  }

  #progress(signal: AbortSignal, onProgress: (progress: ToolProgress) => void) {
    const clean = this.#parts.sanitizer.stream();
    let events = 0;
    return ({ progress, total, message }: ToolProgress) => {
      if (signal.aborted || !Number.isFinite(progress)) return;
      events += 1;
      if (events > brokerLimits.maxProgressEvents) return;
      onProgress({
        progress,
        ...(typeof total === "number" && Number.isFinite(total) ? { total } : {}),
        // Cleaned before it is cut: neither half of a secret that is cut in two would be known.
        ...(typeof message === "string"
          ? { message: cut(clean(message), brokerLimits.maxProgressMessageCharacters) }
          : {}),
      });
    };
  }

  #told(call: ConfirmedCall, outcome: ToolOutcome): Executed {
    if (outcome?.ok === false) return this.#handlerError(outcome.error);
    if (outcome?.ok !== true) throw new Error("the handler gave no outcome");
    const text = wellFormed(JSON.stringify(outcome.result) ?? "null");
    const { tool } = call.entry;
    const { maxResultBytes, maxCatalogBytes } = brokerLimits;
    // The list of tools is one of the gate's own results, and as long as its catalog may be.
    const most = tool.plugin === corePlugin ? maxResultBytes + maxCatalogBytes : maxResultBytes;
    if (Buffer.byteLength(text) > most) {
      return ended("HANDLER_ERROR", `The result of ${tool.name} exceeds size limit: ${most} bytes`);
    }
    // What is looked at is what is sent, not an object that may say something else the next time.
    const plain: unknown = JSON.parse(text);
    const problem = call.entry.checkOutput?.(plain);
    if (problem !== undefined) throw new Error(`the result is not as its schema says: ${problem.message}`);
    return { ...this.#parts.sanitizer.json(text, plain), error: null, incident: undefined };
  }

  /** The tool's own words; it cannot speak in the name of the gate. */
  #handlerError(error: ToolError): Executed {
    const { code, message, retriable, field, retry_after: retryAfter } = error;
    const own =
      typeof code === "string" && /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(code) && !pipelineCodes.has(code);
    const { sanitizer } = this.#parts;
    const payload: BrokerErrorPayload = {
      code: own ? sanitizer.text(code) : "HANDLER_ERROR",
      message: typeof message === "string" ? cut(sanitizer.text(message), 4_096) : "The tool refused",
      retriable: retriable === true,
      stage: 6,
      ...(typeof field === "string" ? { field: cut(sanitizer.text(field), 256) } : {}),
      ...(typeof retryAfter === "number" && retryAfter >= 0 ? { retry_after: Math.ceil(retryAfter) } : {}),
    };
    return { text: "null", error: payload, redactions: 0, flags: 0, incident: undefined };
  }

  #failed(call: ConfirmedCall, error: unknown, timeoutMs: number): Executed {
    const { tool } = call.entry;
    if (error === timedOut) return ended("PLUGIN_TIMEOUT", `${tool.name} took longer than ${timeoutMs} ms`);
    if (error instanceof Cancelled) return ended("HANDLER_ERROR", "The call was cancelled");
    const incident = idOf(error) ?? randomUUID();
    this.#parts.log.warn("a tool failed", { incident, tool: tool.name, plugin: tool.plugin, error });
    if (isHoldfastError(error) && error.group === "plugin") {
      const { retryAfter }: { retryAfter?: unknown } = { ...Object(error.metadata) };
      const details = typeof retryAfter === "number" ? { retryAfterMs: retryAfter * 1_000 } : {};
      if (error.code === "unavailable") {
        return {
          ...ended("PLUGIN_UNAVAILABLE", `The plugin of this tool is not there now (${incident})`, details),
          incident,
        };
      }
      if (error.code === "timeout")
        return { ...ended("PLUGIN_TIMEOUT", `${tool.name} took too long`), incident };
    }
    return { ...ended("PLUGIN_ERROR", `The tool failed; its error has the id ${incident}`), incident };
  }
}

/** Drops half of a surrogate pair at the end of a cut text: many models refuse requests that contain one. */
function cut(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}

/** The same for JSON, in which only such a half is written as an escape. */
function wellFormed(json: string): string {
  if (!json.includes("\\ud")) return json;
  return json.replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][\da-f]{2}/g, "$1\ufffd");
}

/**
 * By which the log has a fault already: a plugin's host writes down what a handler threw, and nothing but its
 * id comes here.
 */
function idOf(error: unknown): string | undefined {
  const { errorId }: { errorId?: unknown } = isHoldfastError(error) ? { ...Object(error.metadata) } : {};
  return typeof errorId === "string" ? errorId : undefined;
}

function ended(...refusal: ConstructorParameters<typeof Refusal>): Executed {
  const error = new Refusal(...refusal).payload;
  return { text: "null", error, redactions: 0, flags: 0, incident: undefined };
}
