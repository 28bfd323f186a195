import assert from "node:assert/strict";
import { after, before, describe, type TestContext, test } from "node:test";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { context, propagation, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { createClient } from "holdfast/client";
import type { ClusterRegistry } from "./actors.ts";
import { type InProcessNode, startInProcess } from "./in-process.ts";
import { eventually } from "./nodes.ts";

describe("what operators see of two nodes", () => {
  let server: PostgresServer;
  const exporter = new InMemorySpanExporter();

  before(async () => {
    server = await startPostgres();
    const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(provider);
  });
  after(async () => {
    trace.disable();
    propagation.disable();
    context.disable();
    await server.stop();
  });

  async function twoNodes(t: TestContext): Promise<readonly [InProcessNode, InProcessNode]> {
    const store = server.createDatabase();
    const first = await startInProcess(t, store, { node: "first" });
    const second = await startInProcess(t, store, { node: "second" });
    await eventually("a share for each", async () => {
      const [one, other] = await Promise.all([metricsOf(first), metricsOf(second)]);
      const shards = [one, other].map((values) => values.get("holdfast_cluster_shards") ?? 0);
      const isSettled = one.get("holdfast_cluster_shards_leaving") === 0;
      return isSettled && shards[0] !== 1_024 && (shards[0] ?? 0) + (shards[1] ?? 0) === 1_024
        ? true
        : undefined;
    });
    return [first, second];
  }

  /** A key of a counter that the node serves. */
  async function keyAt({ registry }: InProcessNode, prefix: string): Promise<string> {
    const { cluster } = await registry.directory();
    for (let at = 0; ; at++) {
      const key = `${prefix}-${at}`;
      if (cluster?.isHere({ type: "get", name: "counter", key: [key] }) === true) return key;
    }
  }

  test("one trace goes from the client over its node to the node of the actor, and on to an actor of the first", async (t) => {
    const [first, second] = await twoNodes(t);
    const away = await keyAt(second, "away");
    const back = await keyAt(first, "back");
    const { counter } = createClient<ClusterRegistry>(first.url);
    exporter.reset();
    const outer = trace.getTracer("test").startSpan("outer");
    await context.with(trace.setSpan(context.active(), outer), () =>
      counter.getOrCreate([away]).addElsewhere(back, 1),
    );
    outer.end();
    const spans = exporter.getFinishedSpans();
    const { traceId } = outer.spanContext();
    const own = spans.filter((span) => span.spanContext().traceId === traceId);
    // From the outermost to the innermost: each is the parent of the next.
    const chain = [
      "counter.addElsewhere",
      "forward counter",
      "gateway counter.addElsewhere",
      "counter.addElsewhere",
      "counter.add",
      "gateway counter.add",
      "counter.add",
    ];
    let parent = outer.spanContext().spanId;
    for (const name of chain) {
      const span = own.find((each) => each.name === name && each.parentSpanContext?.spanId === parent);
      assert.ok(span, `${name} below ${parent} of ${described(own)}`);
      parent = span.spanContext().spanId;
    }
  });

  test("/metrics shows nodes, leases, renewals, forwarded requests, links and commits", async (t) => {
    const [first, second] = await twoNodes(t);
    const key = await keyAt(second, "metered");
    const { counter } = createClient<ClusterRegistry>(first.url);
    for (let call = 0; call < 3; call++) await counter.getOrCreate([key]).add(1);
    const seen = await metricsOf(first);
    assert.equal(seen.get('holdfast_cluster_nodes{state="serving"}'), 2);
    assert.equal(seen.get('holdfast_cluster_links{state="connected"}'), 1);
    assert.equal(seen.get('holdfast_cluster_forwarded_total{result="ok"}'), 3);
    assert.equal(seen.get('holdfast_cluster_forwarded_total{result="error"}'), 0);
    assert.equal(seen.get("holdfast_cluster_forward_duration_seconds_count"), 3);
    assert.equal(seen.get('holdfast_cluster_renewals_total{result="error"}'), 0);
    assert.ok((seen.get('holdfast_cluster_renewals_total{result="ok"}') ?? 0) > 0);
    const remaining = seen.get("holdfast_cluster_lease_remaining_seconds") ?? 0;
    assert.ok(remaining > 0 && remaining <= 1.8, `${remaining} s`);
    assert.equal(seen.get('holdfast_cluster_shards_moved_total{direction="in"}'), 1_024);
    const given = seen.get('holdfast_cluster_shards_moved_total{direction="out"}') ?? 0;
    assert.equal(given, (await metricsOf(second)).get("holdfast_cluster_shards"));
    // Renewals say that the sessions of others go on, although no reading is new for longer than one lasts.
    const ofRenewals = 'holdfast_cluster_renewals_total{result="ok"}';
    const renewed = seen.get(ofRenewals) ?? 0;
    const later = await eventually("renewals for longer than a session", async () => {
      const values = await metricsOf(first);
      return (values.get(ofRenewals) ?? 0) >= renewed + 5 ? values : undefined;
    });
    assert.equal(later.get('holdfast_cluster_nodes{state="serving"}'), 2);
    const { cluster } = await first.registry.directory();
    assert.deepEqual((await cluster?.askOthers({ type: "among", ids: [] }))?.answers.length, 1);
    const owner = await metricsOf(second);
    assert.equal(owner.get("holdfast_commits_total"), 3);
    assert.equal(owner.get("holdfast_commits_in_flight"), 0);
    assert.equal(owner.get("holdfast_store_waiting_commits"), 0);
    await second.stop();
    await eventually("the shards of the node that left", async () => {
      const after = await metricsOf(first);
      const isAlone = after.get('holdfast_cluster_nodes{state="serving"}') === 1;
      return isAlone && after.get("holdfast_cluster_shards") === 1_024 ? true : undefined;
    });
  });
});

function described(spans: readonly ReadableSpan[]): string {
  return spans
    .map((span) => `${span.name} ${span.spanContext().spanId} < ${span.parentSpanContext?.spanId}`)
    .join(", ");
}

async function metricsOf({ url }: InProcessNode): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(" ");
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}
