import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields } from "@holdfast/core";
import { allActors } from "@holdfast/testing/actors";
import { inspected } from "./inspector-actors.ts";
import { serve, storedRegistry, temporaryDirectory } from "./support.ts";

/** Reads the text format: each line is a comment or a sample. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.trimEnd().split("\n")) {
    if (/^# (HELP|TYPE) [a-z0-9_]+ /.test(line)) continue;
    const match = /^([a-z0-9_]+(?:\{(?:[a-z]+="[^"\\]*",?)*\})?) (-?[\d.e+-]+|\+Inf)$/i.exec(line);
    assert.ok(match, `not in the format: ${line}`);
    assert.equal(samples.has(match[1] ?? ""), false, `twice: ${line}`);
    samples.set(match[1] ?? "", Number(match[2]));
  }
  return samples;
}

async function metrics(url: string): Promise<Map<string, number>> {
  const response = await fetch(`${url}/metrics`);
  assert.equal(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  return parse(await response.text());
}

test("actors are counted as they start, are called and stop", async (t) => {
  const { url, client, registry } = await serve(t, allActors);
  const { counter, echo } = client();
  for (const key of ["a", "b", "c"]) await counter.getOrCreate(key).increment(1);
  await assert.rejects(echo.getOrCreate("x").crash());
  await (await registry.directory()).sleep(await counter.get("a").resolve());
  await counter.get("a").get();
  await counter.destroy("b");
  const seen = await metrics(url);
  assert.equal(seen.get('holdfast_actors_active{actor="counter"}'), 2);
  assert.equal(seen.get('holdfast_actors_created_total{actor="counter"}'), 3);
  assert.equal(seen.get('holdfast_actors_woken_total{actor="counter"}'), 1);
  assert.equal(seen.get('holdfast_actors_started_total{actor="counter"}'), 4);
  assert.equal(seen.get('holdfast_actors_stopped_total{actor="counter",reason="slept"}'), 1);
  assert.equal(seen.get('holdfast_actors_stopped_total{actor="counter",reason="destroyed"}'), 1);
  assert.equal(seen.get('holdfast_actions_total{actor="counter",result="ok"}'), 4);
  assert.equal(seen.get('holdfast_actions_total{actor="echo",result="error"}'), 1);
  assert.equal(seen.get('holdfast_actions_in_flight{actor="counter"}'), 0);
  assert.equal(seen.get('holdfast_action_duration_seconds_count{actor="counter"}'), 4);
  assert.equal(seen.get('holdfast_action_duration_seconds_bucket{actor="counter",le="+Inf"}'), 4);
  assert.ok((seen.get("holdfast_commits_total") ?? 0) >= 4);
  assert.ok((seen.get("holdfast_store_syncs_total") ?? 0) > 0);
  assert.equal(seen.get("holdfast_commit_duration_seconds_count"), seen.get("holdfast_commits_total"));
  assert.ok((seen.get("process_resident_memory_bytes") ?? 0) > 1_000_000);
  assert.ok(seen.has("nodejs_eventloop_lag_p99_seconds"));
  // No key and no id: what there is does not grow with the number of actors.
  const before = seen.size;
  for (let index = 0; index < 50; index++) await counter.getOrCreate(`more-${index}`).increment(1);
  assert.equal((await metrics(url)).size, before);
});

test("connections and messages that wait are seen", async (t) => {
  const { url, client } = await serve(t, inspected);
  const handle = client().shop.getOrCreate("a");
  const conn = handle.connect();
  t.after(() => conn.dispose());
  await conn.ready;
  const sent = await fetch(`${url}/actors/shop/@a,/inspector/queue`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name: "orders", body: { item: "tea" } }),
  });
  assert.equal(sent.status, 200);
  const seen = await metrics(url);
  assert.equal(seen.get('holdfast_connections{actor="shop"}'), 1);
  assert.equal(seen.get('holdfast_queue_messages{actor="shop"}'), 1);
});

test("a server may show metrics of its own in their place, and a handler may ask for them", async (t) => {
  const { url } = await serve(t, allActors, { gateway: { metrics: () => "own_metric 1\n" } });
  assert.deepEqual([...(await metrics(url))], [["own_metric", 1]]);
  const registry = storedRegistry(allActors, temporaryDirectory(t));
  t.after(() => registry.shutdown());
  await registry.client.counter.getOrCreate("a").increment(1);
  const seen = parse(await (await registry.routes.prometheusMetrics()).text());
  assert.equal(seen.get('holdfast_actors_active{actor="counter"}'), 1);
});

test("a slow call is in the log of its actor", async (t) => {
  process.env["HOLDFAST_SLOW_CALL_MS"] = "1";
  const { registry, client, url } = await serve(t, allActors);
  try {
    await registry.directory();
  } finally {
    delete process.env["HOLDFAST_SLOW_CALL_MS"];
  }
  const handle = client().counter.getOrCreate("a");
  // With its commit, a call takes longer than a millisecond sooner or later.
  for (;;) {
    await handle.increment(1);
    const answer = await fetch(`${url}/actors/counter/@a,/inspector/logs`);
    const { records } = (await answer.json()) as { records: { message: string; fields: LogFields }[] };
    const slow = records.find(({ message }) => message === "slow call");
    if (slow === undefined) continue;
    assert.equal(slow.fields["action"], "increment");
    assert.ok(Number(slow.fields["durationMs"]) >= 1);
    break;
  }
});
