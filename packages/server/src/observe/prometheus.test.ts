import assert from "node:assert/strict";
import { test } from "node:test";
import { Histogram, writeMetric } from "./prometheus.ts";

test("a metric is a header and one line per sample; without samples it is omitted", () => {
  const samples = [
    { labels: { actor: 'a"b\\c\nd' }, value: 1 },
    { labels: {}, value: Number.POSITIVE_INFINITY },
  ];
  assert.deepEqual(writeMetric("m", "gauge", "What it is", samples), [
    "# HELP m What it is",
    "# TYPE m gauge",
    'm{actor="a\\"b\\\\c\\nd"} 1',
    "m +Inf",
  ]);
  assert.deepEqual(writeMetric("m", "counter", "What it is", []), []);
});

test("buckets count values at or below their bound", () => {
  const histogram = new Histogram();
  for (const milliseconds of [0, 1, 1.5, 60_000, 60_001]) histogram.observe(milliseconds);
  const lines = histogram.write("d", "Durations", { actor: "a" });
  assert.equal(lines[1], "# TYPE d histogram");
  assert.ok(lines.includes('d_bucket{actor="a",le="0.001"} 2'));
  assert.ok(lines.includes('d_bucket{actor="a",le="0.002"} 3'));
  assert.ok(lines.includes('d_bucket{actor="a",le="60"} 4'));
  assert.ok(lines.includes('d_bucket{actor="a",le="+Inf"} 5'));
  assert.ok(lines.includes('d_count{actor="a"} 5'));
  assert.ok(lines.some((line) => line.startsWith('d_sum{actor="a"} 120.003')));
});
