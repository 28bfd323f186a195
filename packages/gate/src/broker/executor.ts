import { randomUUID } from "node:crypto";
import { isHoldfastError, type Logger } from "@holdfast/core";
import { brokerLimits } from "./broker-limits.ts";
import { corePlugin } from "./catalog.ts";
import { type BrokerErrorPayload, pipelineCodes } from "./errors.ts";
import type { Sanitizer } from "./messages/sanitizer.ts";
import { Refusal } from "./refusal.ts";
import type { ConfirmedCall } from "./stages/stage.ts";
import { type Taint, taintKey } from "./taint.ts";
import type { Principal, ToolError, ToolOutcome, ToolProgress } from "./tool.ts";

export interface ExecutorParts {
  readonly sanitizer: Sanitizer;
  readonly taint: Taint;
  /** Taints the caller's session and records it in the audit log. */
  readonly onUntrusted: (principal: Principal, reason: string) => Promise<void>;
  readonly log: Logger;
  /** Default timeout of a tool, in milliseconds. */
  readonly timeoutMs: number;
}

/** Sanitised outcome of a call, as its caller receives it. */
export interface Executed {
  /** The result as JSON; "null" with an error. */
  readonly text: string;
  readonly error: BrokerErrorPayload | null;
  readonly redactions: number;
  readonly flags: number;
  /** Id that finds the actual error in the host's log. */
  readonly incident: string | undefined;
}

/** Abort reason when the caller cancelled. */
export class Cancelled extends Error {}

const timedOut = Symbol("timed out");

/** Calls handlers. Limits their time and output, sanitises their output, and hides their errors behind an id. */
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
    // The promise may have no consumer any more.
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
      const tainted = this.#parts.taint.has(taintKey(call.principal));
      // Before the call, since errors and progress can contain untrusted content too.
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
      return this.#executed(call, outcome);
    } catch (error) {
      return this.#failed(call, error, timeoutMs);
    } finally {
      clearTimeout(timer);
      caller.removeEventListener("abort", onCancel);
      // Later output of the handler is discarded.
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
        // Redacted before it is truncated: half of a secret would not be recognised.
        ...(typeof message === "string"
          ? { message: cut(clean(message), brokerLimits.maxProgressMessageCharacters) }
          : {}),
      });
    };
  }

  #executed(call: ConfirmedCall, outcome: ToolOutcome): Executed {
    if (outcome?.ok === false) return this.#handlerError(outcome.error);
    if (outcome?.ok !== true) throw new Error("the handler returned no outcome");
    const text = wellFormed(JSON.stringify(outcome.result) ?? "null");
    const { tool } = call.entry;
    const { maxResultBytes, maxCatalogBytes } = brokerLimits;
    // The list of tools is one of the gate's own results, and can be as long as the catalog.
    const most = tool.plugin === corePlugin ? maxResultBytes + maxCatalogBytes : maxResultBytes;
    if (Buffer.byteLength(text) > most) {
      return ended("HANDLER_ERROR", `The result of ${tool.name} exceeds size limit: ${most} bytes`);
    }
    // Checks the serialised text that is sent: the object could serialise differently the next time.
    const plain: unknown = JSON.parse(text);
    const problem = call.entry.checkOutput?.(plain);
    if (problem !== undefined) throw new Error(`the result does not match its schema: ${problem.message}`);
    return { ...this.#parts.sanitizer.json(text, plain), error: null, incident: undefined };
  }

  /** The tool's own message. It cannot use the gate's codes. */
  #handlerError(error: ToolError): Executed {
    const { code, message, retriable, field, retry_after: retryAfter } = error;
    const own =
      typeof code === "string" && /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(code) && !pipelineCodes.has(code);
    const { sanitizer } = this.#parts;
    const payload: BrokerErrorPayload = {
      code: own ? sanitizer.text(code) : "HANDLER_ERROR",
      message:
        typeof message === "string" ? cut(sanitizer.text(message), 4_096) : "The tool refused the call",
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
          ...ended(
            "PLUGIN_UNAVAILABLE",
            `The plugin of this tool is unavailable; the gate's log has the error ${incident}. Try again later`,
            details,
          ),
          incident,
        };
      }
      if (error.code === "timeout")
        return { ...ended("PLUGIN_TIMEOUT", `${tool.name} took too long`), incident };
    }
    return {
      ...ended("PLUGIN_ERROR", `The tool failed; the gate's log has the error ${incident}`),
      incident,
    };
  }
}

/** Drops half of a surrogate pair at the end of a truncated text: many models refuse requests that contain one. */
function cut(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}

/** The same for JSON, where only an unpaired surrogate is written as an escape. */
function wellFormed(json: string): string {
  if (!json.includes("\\ud")) return json;
  return json.replace(/(?<!\\)((?:\\\\)*)\\ud[89a-f][\da-f]{2}/g, "$1\ufffd");
}

/** Id of an error that is already in the log: the plugin host logs what a handler threw and passes only the id. */
function idOf(error: unknown): string | undefined {
  const { errorId }: { errorId?: unknown } = isHoldfastError(error) ? { ...Object(error.metadata) } : {};
  return typeof errorId === "string" ? errorId : undefined;
}

function ended(...refusal: ConstructorParameters<typeof Refusal>): Executed {
  const error = new Refusal(...refusal).payload;
  return { text: "null", error, redactions: 0, flags: 0, incident: undefined };
}
