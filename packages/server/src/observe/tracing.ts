import { isHoldfastError } from "@holdfast/core";
import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TextMapGetter,
  trace,
} from "@opentelemetry/api";

const tracer = trace.getTracer("holdfast");

/**
 * Spans through the API of OpenTelemetry: without an installed SDK nothing is recorded, at next to no cost. Names and
 * attributes: docs/reference/metrics.md.
 */
export const tracing = {
  /** True if an SDK is installed. */
  get enabled(): boolean {
    const provider: object = trace.getTracerProvider();
    if (!("getDelegateTracer" in provider)) return true;
    const { getDelegateTracer } = provider as { getDelegateTracer(name: string): unknown };
    return getDelegateTracer.call(provider, "holdfast") !== undefined;
  },

  /** Runs `work` in a server span below the trace context of the request's headers (W3C Trace Context). */
  incoming(
    name: string,
    attributes: Attributes,
    header: HeaderReader,
    work: (span: EndableSpan) => void,
  ): void {
    const parent = propagation.extract(ROOT_CONTEXT, header, headerGetter);
    begin(name, SpanKind.SERVER, attributes, parent, work);
  },

  /**
   * Runs a request that goes on to another node in a span below that of its headers. `work` gets the headers that
   * carry the span there; without an SDK, undefined.
   */
  forwarded<T>(
    name: string,
    attributes: Attributes,
    header: HeaderReader,
    work: (headers: Readonly<Record<string, string>> | undefined) => Promise<T>,
  ): Promise<T> {
    return tracing.enabled ? spanned(name, attributes, header, work) : work(undefined);
  },

  /** Runs `work` in a span below the active one. */
  span(name: string, attributes: Attributes, work: (span: EndableSpan) => void): void {
    begin(name, SpanKind.INTERNAL, attributes, context.active(), work);
  },

  /** As above, for work that ends when its promise settles. */
  async around<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const parent = context.active();
    const span = tracer.startSpan(name, { kind: SpanKind.INTERNAL, attributes }, parent);
    try {
      return await context.with(trace.setSpan(parent, span), work);
    } catch (error) {
      fail(span, error);
      throw error;
    } finally {
      span.end();
    }
  },
};

export interface EndableSpan {
  /** Ends the span, with the error of the work. */
  end(error?: unknown): void;
}

export type HeaderReader = (name: string) => string | undefined;

const headerGetter: TextMapGetter<HeaderReader> = {
  get: (read, name) => read(name),
  keys: () => ["traceparent", "tracestate", "baggage"],
};

async function spanned<T>(
  name: string,
  attributes: Attributes,
  header: HeaderReader,
  work: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const parent = propagation.extract(ROOT_CONTEXT, header, headerGetter);
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes }, parent);
  const headers: Record<string, string> = {};
  propagation.inject(trace.setSpan(parent, span), headers);
  try {
    return await work(headers);
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function begin(
  name: string,
  kind: SpanKind,
  attributes: Attributes,
  parent: Context,
  work: (span: EndableSpan) => void,
): void {
  const span = tracer.startSpan(name, { kind, attributes }, parent);
  const end = (error?: unknown): void => {
    if (error !== undefined) fail(span, error);
    span.end();
  };
  context.with(trace.setSpan(parent, span), () => work({ end }));
}

/** A typed error, or only the fact that there was one: messages of other errors may contain secrets. */
function fail(span: Span, error: unknown): void {
  const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
  span.setAttribute("error.type", code);
  span.setStatus({ code: SpanStatusCode.ERROR, message: code });
}
