import type { Context, ContextManager, Span, TextMapPropagator, TracerProvider } from "@opentelemetry/api";

/** SDK that OpenTelemetry API version 1 has registered. */
export interface RegisteredSdk {
  readonly trace?: TracerProvider;
  readonly context?: ContextManager;
  readonly propagation?: TextMapPropagator;
}

const registryKey = Symbol.for("opentelemetry.js.api.1");
/** Key under which the API keeps the active span of a context. */
const spanKey = Symbol.for("OpenTelemetry Context Key SPAN");

/**
 * `SpanKind` and `SpanStatusCode.ERROR`: the API's contract fixes these numbers. The client's own is apart, so that a
 * browser bundle holds only that one.
 */
export const spanKinds = { internal: 0, server: 1 } as const;
export const clientSpan = 2;
export const errorStatus = 2;

/**
 * Reads the SDK from the API's global. Importing the API would add a quarter to the browser bundle, and 45 modules to
 * the start of a server, for something that few use. Whoever installs an SDK has loaded the API.
 */
export function registeredSdk(): RegisteredSdk | undefined {
  return (globalThis as { [registryKey]?: RegisteredSdk })[registryKey];
}

/** Empty context, for an SDK without a context manager, and where a request brings none. */
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

export const emptyContext: Context = new PlainContext();

/** The context with this span as its active one. */
export function withSpan(context: Context, span: Span): Context {
  return context.setValue(spanKey, span);
}
