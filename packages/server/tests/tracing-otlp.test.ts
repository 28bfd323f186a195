/**
 * Spans as the exporter of OpenTelemetry sends them. The receiver reads OTLP/HTTP in JSON (opentelemetry-proto 1.x); no
 * collector can be had from the registries that the tests use.
 */
import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { actor } from "@holdfast/actors";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { serve } from "./support.ts";

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

interface SentTraces {
  readonly resourceSpans: readonly {
    readonly scopeSpans: readonly {
      readonly scope: { readonly name: string };
      readonly spans: readonly SentSpan[];
    }[];
  }[];
}

interface Receiver {
  readonly url: string;
  readonly spans: readonly SentSpan[];
  /** How many requests it has refused, as a collector that starts does. */
  readonly refused: number;
}

async function startReceiver(t: TestContext): Promise<Receiver> {
  const spans: SentSpan[] = [];
  let refused = 0;
  const take = async (request: IncomingMessage): Promise<number> => {
    assert.equal(`${request.method} ${request.url}`, "POST /v1/traces");
    const { resourceSpans } = (await json(request)) as SentTraces;
    if (refused === 0) {
      refused += 1;
      return 503;
    }
    const scopes = resourceSpans.flatMap(({ scopeSpans }) => scopeSpans);
    spans.push(...scopes.flatMap((each) => each.spans));
    return 200;
  };
  const server: Server = createServer((request, response) => {
    void take(request).then(
      (status) => response.writeHead(status, { "content-type": "application/json" }).end("{}"),
      (error: unknown) => response.writeHead(400).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1/traces`,
    spans,
    get refused() {
      return refused;
    },
  };
}

const target = actor({ state: { n: 0 }, actions: { hit: (c) => ++c.state.n } });
const caller = actor({
  actions: {
    relay: (c) => c.client<{ "~actors"?: { target: typeof target } }>().target.getOrCreate("t").hit(),
  },
});

test("a trace over two actors is sent over OTLP, once more after a refusal", async (t) => {
  const receiver = await startReceiver(t);
  const provider = new BasicTracerProvider({
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url: receiver.url }))],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  t.after(() => {
    trace.disable();
    propagation.disable();
    context.disable();
  });

  const { client } = await serve(t, { caller, target });
  await client().caller.getOrCreate("a").relay();
  await provider.shutdown();

  assert.equal(receiver.refused, 1);
  const find = (name: string): SentSpan =>
    receiver.spans.find((span) => span.name === name) ??
    assert.fail(`${name} of ${receiver.spans.map((span) => span.name)}`);
  const gateway = find("gateway caller.relay");
  const inner = find("target.hit");
  const relays = receiver.spans.filter(({ name }) => name === "caller.relay");
  const sent =
    relays.find(({ spanId }) => spanId === gateway.parentSpanId) ?? assert.fail("no span of the client");
  const ran =
    relays.find(({ parentSpanId }) => parentSpanId === gateway.spanId) ?? assert.fail("no span of the actor");
  for (const span of [sent, gateway, ran, inner]) {
    assert.match(span.traceId, /^[0-9a-f]{32}$/);
    assert.equal(span.traceId, sent.traceId, span.name);
    assert.match(span.spanId, /^[0-9a-f]{16}$/);
    assert.ok(BigInt(span.endTimeUnixNano) >= BigInt(span.startTimeUnixNano), span.name);
  }
  const name = inner.attributes.find(({ key }) => key === "actor.name");
  assert.deepEqual(name?.value, { stringValue: "target" });
});
