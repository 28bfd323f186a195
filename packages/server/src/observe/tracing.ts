import { emptyContext, errorStatus, registeredSdk, spanKinds, withSpan } from "@holdfast/client";
import { isHoldfastError } from "@holdfast/core";
import type { Attributes, Context, Span, TextMapGetter, TextMapSetter, Tracer } from "@opentelemetry/api";

/**
 * Spans through the API of OpenTelemetry, for callers that have seen that an SDK is installed. Names and attributes:
 * docs/reference/metrics.md.
 */
export const tracing = {
  /** True if an SDK is installed. */
  get enabled(): boolean {
    return registeredSdk()?.trace !== undefined;
  },

  /** Runs `work` in a server span below the trace context of the request's headers (W3C Trace Context). */
  incoming(
    name: string,
    attributes: Attributes,
    header: HeaderReader,
    work: (span: EndableSpan) => void,
  ): void {
    begin(name, spanKinds.server, attributes, extracted(header), work);
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
    begin(name, spanKinds.internal, attributes, activeContext(), work);
  },

  /** As above, for work that ends when its promise settles. */
  async around<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
    const parent = activeContext();
    const span = tracer().startSpan(name, { kind: spanKinds.internal, attributes }, parent);
    try {
      return await within(withSpan(parent, span), work);
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

const headerSetter: TextMapSetter<Record<string, string>> = {
  set: (headers, name, value) => {
    headers[name] = value;
  },
};

async function spanned<T>(
  name: string,
  attributes: Attributes,
  header: HeaderReader,
  work: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const parent = extracted(header);
  const span = tracer().startSpan(name, { kind: spanKinds.server, attributes }, parent);
  const headers: Record<string, string> = {};
  registeredSdk()?.propagation?.inject(withSpan(parent, span), headers, headerSetter);
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
  kind: (typeof spanKinds)[keyof typeof spanKinds],
  attributes: Attributes,
  parent: Context,
  work: (span: EndableSpan) => void,
): void {
  const span = tracer().startSpan(name, { kind, attributes }, parent);
  const end = (error?: unknown): void => {
    if (error !== undefined) fail(span, error);
    span.end();
  };
  within(withSpan(parent, span), () => work({ end }));
}

function tracer(): Tracer {
  const provider = registeredSdk()?.trace;
  if (provider === undefined) throw new Error("No SDK of OpenTelemetry is installed");
  return provider.getTracer("holdfast");
}

/** The trace context of a request's headers. */
function extracted(header: HeaderReader): Context {
  return registeredSdk()?.propagation?.extract(emptyContext, header, headerGetter) ?? emptyContext;
}

function activeContext(): Context {
  return registeredSdk()?.context?.active() ?? emptyContext;
}

function within<T>(context: Context, work: () => T): T {
  const manager = registeredSdk()?.context;
  return manager === undefined ? work() : manager.with(context, work);
}

/** A typed error, or only the fact that there was one: messages of other errors may contain secrets. */
function fail(span: Span, error: unknown): void {
  const code = isHoldfastError(error) ? `${error.group}.${error.code}` : "internal.internal_error";
  span.setAttribute("error.type", code);
  span.setStatus({ code: errorStatus, message: code });
}
