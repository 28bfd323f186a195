import { isHoldfastError } from "@holdfast/core";
import type { Attributes } from "@opentelemetry/api";
import { clientSpan, emptyContext, errorStatus, registeredSdk, withSpan } from "./open-telemetry.ts";

/**
 * Runs one request in a client span. `headers` carry its trace context (W3C Trace Context), so that server spans
 * become its children. Does nothing without an SDK.
 */
export async function traced<T>(
  name: string,
  attributes: Attributes,
  work: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const { trace, context, propagation } = registeredSdk() ?? {};
  if (trace === undefined) return work({});
  const parent = context?.active() ?? emptyContext;
  const tracer = trace.getTracer("holdfast-client");
  const span = tracer.startSpan(name, { kind: clientSpan, attributes }, parent);
  const own = withSpan(parent, span);
  const headers: Record<string, string> = {};
  propagation?.inject(own, headers, {
    set: (carrier: Record<string, string>, key, value) => {
      carrier[key] = value;
    },
  });
  try {
    return await (context === undefined ? work(headers) : context.with(own, () => work(headers)));
  } catch (error) {
    const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
    span.setAttribute("error.type", code);
    span.setStatus({ code: errorStatus, message: code });
    throw error;
  } finally {
    span.end();
  }
}
