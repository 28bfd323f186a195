import { isHoldfastError } from "@holdfast/core";
import type { Attributes } from "@opentelemetry/api";

/** Where the API of OpenTelemetry, version 1, keeps what an SDK has registered. */
const registryKey = Symbol.for("opentelemetry.js.api.1");

/** Whether the program has installed an SDK of OpenTelemetry: without one its API is not even loaded. */
function enabled(): boolean {
  const registry = (globalThis as { [registryKey]?: { readonly trace?: unknown } })[registryKey];
  return registry?.trace !== undefined;
}

/**
 * Runs one request in a span of the client; `headers` tell the server of it (W3C Trace Context), so
 * that its spans are below this one.
 */
export async function traced<T>(
  name: string,
  attributes: Attributes,
  work: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  if (!enabled()) return work({});
  // Loaded on demand: it would be a third of the client in a browser, where hardly anybody traces.
  const { context, propagation, SpanKind, SpanStatusCode, trace } = await import("@opentelemetry/api");
  const parent = context.active();
  const span = trace
    .getTracer("holdfast-client")
    .startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
  const own = trace.setSpan(parent, span);
  const headers: Record<string, string> = {};
  propagation.inject(own, headers);
  try {
    return await context.with(own, () => work(headers));
  } catch (error) {
    const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
    span.setAttribute("error.type", code);
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
    throw error;
  } finally {
    span.end();
  }
}
