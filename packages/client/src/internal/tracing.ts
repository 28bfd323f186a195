import { isHoldfastError } from "@holdfast/core";
import type {
  Attributes,
  Context,
  ContextManager,
  TextMapPropagator,
  TracerProvider,
} from "@opentelemetry/api";

/**
 * SDK that OpenTelemetry API version 1 has registered, read from the API's global. Importing the API would add a
 * quarter to the browser bundle, for something few browser applications use.
 */
interface RegisteredSdk {
  readonly trace?: TracerProvider;
  readonly context?: ContextManager;
  readonly propagation?: TextMapPropagator;
}

const registryKey = Symbol.for("opentelemetry.js.api.1");
/** Key under which the API keeps the active span of a context. */
const spanKey = Symbol.for("OpenTelemetry Context Key SPAN");
/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR`. The API's contract fixes these numbers. */
const clientKind = 2;
const errorStatus = 2;

/** Empty context, for an SDK without a context manager. */
class PlainContext implements Context {
  readonly #values: ReadonlyMap<symbol, unknown>;

  constructor(values: ReadonlyMap<symbol, unknown> = new Map()) {
    this.#values = values;
  }

  getValue(key: symbol): unknown {
    return this.#values.get(key);
  }

  setValue(key: symbol, value: unknown): Context {
    return new PlainContext(new Map([...this.#values, [key, value]]));
  }

  deleteValue(key: symbol): Context {
    return new PlainContext(new Map([...this.#values].filter(([each]) => each !== key)));
  }
}

/**
 * Runs one request in a client span. `headers` carry its trace context (W3C Trace Context), so that server spans
 * become its children. Does nothing without an SDK.
 */
export async function traced<T>(
  name: string,
  attributes: Attributes,
  work: (headers: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const registered = (globalThis as { [registryKey]?: RegisteredSdk })[registryKey];
  if (registered?.trace === undefined) return work({});
  const { trace, context, propagation } = registered;
  const parent = context?.active() ?? new PlainContext();
  const tracer = trace.getTracer("holdfast-client");
  const span = tracer.startSpan(name, { kind: clientKind, attributes }, parent);
  const own = parent.setValue(spanKey, span);
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
