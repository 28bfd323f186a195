import { isHoldfastError } from "@holdfast/core";
import { type Attributes, context, propagation, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";

const tracer = trace.getTracer("holdfast-client");

/** Whether the program has installed an SDK of OpenTelemetry: without one nothing is done. */
function enabled(): boolean {
  const provider: object = trace.getTracerProvider();
  if (!("getDelegateTracer" in provider)) return true;
  const { getDelegateTracer } = provider as { getDelegateTracer(name: string): unknown };
  return getDelegateTracer.call(provider, "holdfast-client") !== undefined;
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
  const parent = context.active();
  const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, parent);
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
