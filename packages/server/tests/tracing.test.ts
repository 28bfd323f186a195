import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { actor } from "@holdfast/actors";
import { workflow } from "@holdfast/actors/workflow";
import { UserError } from "@holdfast/core";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  BasicTracerProvider,
  BatchSpanProcessor,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { type OtlpReceiver, type SentSpan, startOtlpReceiver } from "./otlp-receiver.ts";
import { serve } from "./support.ts";

const exporter = new InMemorySpanExporter();
let receiver: OtlpReceiver;
let sender: BatchSpanProcessor;

// One provider for all tests.
before(async () => {
  receiver = await startOtlpReceiver();
  sender = new BatchSpanProcessor(new OTLPTraceExporter({ url: receiver.url }));
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter), sender] });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
});

after(async () => {
  await sender.shutdown();
  receiver.close();
  trace.disable();
  propagation.disable();
  context.disable();
});

const target = actor({ state: { n: 0 }, actions: { hit: (c) => ++c.state.n } });
const caller = actor({
  actions: {
    relay: (c) => c.client<{ "~actors"?: { target: typeof target } }>().target.getOrCreate("t").hit(),
    refuse: () => {
      throw new UserError("No", { code: "refused" });
    },
  },
});
const flow = actor({
  run: workflow(async (ctx) => {
    await ctx.step("charge", () => 1);
  }),
  actions: { ping: () => "pong" },
});

function find(name: string): ReadableSpan {
  const span = exporter.getFinishedSpans().find((each) => each.name === name);
  assert.ok(span, `${name} of ${exporter.getFinishedSpans().map((each) => each.name)}`);
  return span;
}

function parentOf(span: ReadableSpan): string | undefined {
  return span.parentSpanContext?.spanId;
}

test("one trace goes from the client over the gateway and the actor to the actor that it calls", async (t) => {
  const { client } = await serve(t, { caller, target });
  exporter.reset();
  const outer = trace.getTracer("test").startSpan("outer");
  await context.with(trace.setSpan(context.active(), outer), () => client().caller.getOrCreate("a").relay());
  outer.end();
  const [sent, ...rest] = exporter.getFinishedSpans().filter(({ name }) => name === "caller.relay");
  const ran = rest[0] ?? assert.fail("no span of the actor");
  const spans = [sent, ran].sort((a, b) => (a?.kind ?? 0) - (b?.kind ?? 0));
  const [inside, clientSpan] = spans;
  const gateway = find("gateway caller.relay");
  const inner = find("target.hit");
  const commit = exporter.getFinishedSpans().find(({ name }) => name === "actor.commit");
  assert.equal(parentOf(clientSpan as ReadableSpan), outer.spanContext().spanId);
  assert.equal(parentOf(gateway), clientSpan?.spanContext().spanId);
  assert.equal(parentOf(inside as ReadableSpan), gateway.spanContext().spanId);
  const traceId = outer.spanContext().traceId;
  for (const span of [clientSpan, gateway, inside, inner, commit]) {
    assert.equal(span?.spanContext().traceId, traceId, span?.name);
  }
  assert.equal(inner.attributes["actor.name"], "target");
  assert.equal(find("actor.create").attributes["actor.name"] !== undefined, true);
});

test("an error is its code, without the message", async (t) => {
  const { client } = await serve(t, { caller, target });
  exporter.reset();
  await assert.rejects(client().caller.getOrCreate("a").refuse());
  const gateway = find("gateway caller.refuse");
  assert.equal(gateway.attributes["error.type"], "user.refused");
  assert.equal(JSON.stringify(gateway.status).includes("No"), false);
});

test("a foreign traceparent is taken up", async (t) => {
  const { url } = await serve(t, { caller, target });
  exporter.reset();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const response = await fetch(`${url}/actors/target/@t,/actions/hit?create=true`, {
    method: "POST",
    headers: { traceparent, "content-type": "application/json" },
    body: "{}",
  });
  assert.equal(response.status, 200);
  const gateway = find("gateway target.hit");
  assert.equal(gateway.spanContext().traceId, "0af7651916cd43dd8448eb211c80319c");
  assert.equal(parentOf(gateway), "b7ad6b7169203331");
});

test("steps of workflows are spans, for the inspector too", async (t) => {
  const { client, registry } = await serve(t, { flow });
  exporter.reset();
  const handle = client().flow.getOrCreate("f");
  const done = async (): Promise<boolean> => {
    await handle.ping();
    return exporter.getFinishedSpans().some(({ name }) => name === "step charge");
  };
  for (let looks = 0; !(await done()); looks++) assert.ok(looks < 100, "no span of the step");
  assert.equal(find("step charge").attributes["workflow.step"], "charge");
  const query = { startMs: 0, endMs: Number.MAX_SAFE_INTEGER, limit: 100 };
  const { spans } = (await registry.directory()).spans.read(await handle.resolve(), query);
  assert.ok(spans.some(({ name }) => name === "step charge"));
});

test("a trace over two actors is sent over OTLP, once more after a refusal", async (t) => {
  const { client } = await serve(t, { caller, target });
  await sender.forceFlush();
  const before = receiver.spans.length;
  await client().caller.getOrCreate("a").relay();
  await sender.forceFlush();

  assert.equal(receiver.refused, 1);
  const spans = receiver.spans.slice(before);
  const find = (name: string): SentSpan =>
    spans.find((span) => span.name === name) ?? assert.fail(`${name} of ${spans.map((span) => span.name)}`);
  const gateway = find("gateway caller.relay");
  const inner = find("target.hit");
  const relays = spans.filter(({ name }) => name === "caller.relay");
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
