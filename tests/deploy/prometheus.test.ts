/** A real Prometheus with the configuration of the documentation, the alerts and the dashboard, and a real server. */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "@holdfast/testing/free-port";
import { removeAtExit } from "@holdfast/testing/scratch";
import { actor, setup, UserError } from "holdfast";
import { parse } from "yaml";
import { deploy, read } from "./files.ts";

const token = "the-token-of-the-scraper";
const counter = actor({
  state: { count: 0 },
  actions: {
    add: (c, amount: number) => (c.state.count += amount),
    fail: () => {
      throw new UserError("No");
    },
  },
});

/** The first `prometheus.yml` of the page, with this target, and scraped more often. */
function configuration(scratch: string, target: string): string {
  const page = readFileSync(join(deploy, "../docs/how-to/watch-it-in-production.md"), "utf8");
  const block =
    /```yaml\n(rule_files[\s\S]+?)```/.exec(page)?.[1] ?? assert.fail("no configuration on the page");
  writeFileSync(join(scratch, "token"), token);
  writeFileSync(join(scratch, "alerts.yaml"), read("prometheus/alerts.yaml"));
  return block
    .replace("/etc/prometheus/holdfast-token", join(scratch, "token"))
    .replace("scrape_interval: 15s", "scrape_interval: 200ms")
    .replace(/targets: \[.+\]/, `targets: ["${target}"]`);
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function startPrometheus(t: TestContext, target: string) {
  const scratch = mkdtempSync(join(tmpdir(), "holdfast-prometheus-"));
  removeAtExit(scratch);
  const file = join(scratch, "prometheus.yml");
  writeFileSync(file, configuration(scratch, target));
  const address = `127.0.0.1:${await freePort()}`;
  const data = `--storage.tsdb.path=${join(scratch, "data")}`;
  const child = spawn("prometheus", [`--config.file=${file}`, `--web.listen-address=${address}`, data], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(async () => {
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  });
  let log = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    log += chunk;
  });
  while (!log.includes("Server is ready")) {
    assert.equal(child.exitCode, null, log);
    await once(child.stderr, "data", { signal: AbortSignal.timeout(30_000) });
  }
  const ask = async (path: string): Promise<unknown> => {
    const answer = await fetch(`http://${address}/api/v1/${path}`);
    const body = (await answer.json()) as { readonly data?: unknown; readonly error?: string };
    assert.equal(answer.status, 200, `${path}: ${body.error}`);
    return body.data;
  };
  const query = async (expression: string): Promise<readonly Sample[]> => {
    const { result } = (await ask(`query?query=${encodeURIComponent(expression)}`)) as { result: Sample[] };
    return result;
  };
  /** Asks until the answer has the value: a scrape comes when the scraper wants. */
  const until = async (expression: string, value: number): Promise<Sample> => {
    const deadline = AbortSignal.timeout(20_000);
    for (;;) {
      const [sample] = await query(expression);
      if (Number(sample?.value[1]) === value && sample !== undefined) return sample;
      deadline.throwIfAborted();
      await delay(50);
    }
  };
  return { ask, query, until };
}

test("Prometheus scrapes a server with its token, and understands each alert and panel", {
  skip: spawnSync("prometheus", ["--version"]).status === 0 ? false : "needs prometheus",
}, async (t) => {
  const data = mkdtempSync(join(tmpdir(), "holdfast-scraped-"));
  removeAtExit(data);
  const server = setup({
    use: { counter },
    ...{ dataDirectory: data, store: undefined, noWelcome: true },
    inspector: { token: "the-token-of-the-inspector", metricsToken: token },
  });
  t.after(() => server.shutdown());
  const { url, port } = await server.listen({ port: 0, host: "127.0.0.1" });
  assert.equal((await fetch(`${url}/metrics`)).status, 401);
  const prometheus = await startPrometheus(t, `127.0.0.1:${port}`);
  const one = server.client.counter.getOrCreate("one");
  for (const amount of [1, 2, 3]) await one.add(amount);
  await assert.rejects(one.fail());
  const up = await prometheus.until('up{job="holdfast"}', 1);
  assert.equal(up.metric["instance"], `127.0.0.1:${port}`);
  await prometheus.until("sum(holdfast_actions_total)", 4);
  const calls = await prometheus.query("sum by (actor, result) (holdfast_actions_total)");
  assert.deepEqual(
    calls.map(({ metric, value }) => [metric["actor"], metric["result"], Number(value[1])]).sort(),
    [
      ["counter", "error", 1],
      ["counter", "ok", 3],
    ],
  );
  // What it scraped parses as a whole, and each metric has its type and help.
  const metadata = (await prometheus.ask("targets/metadata")) as readonly Readonly<Record<string, string>>[];
  assert.ok(metadata.length > 20);
  assert.deepEqual(
    metadata.filter(({ type, help }) => type === "unknown" || help === ""),
    [],
  );
  const written = parse(read("prometheus/alerts.yaml")) as { groups: { rules: { alert: string }[] }[] };
  const { groups } = (await prometheus.ask("rules")) as {
    groups: { rules: { name: string; lastError?: string }[] }[];
  };
  assert.deepEqual(
    groups.flatMap(({ rules }) => rules.map(({ name }) => name)).sort(),
    written.groups.flatMap(({ rules }) => rules.map(({ alert }) => alert)).sort(),
  );
  const expressions = [...read("grafana/holdfast.json").matchAll(/"expr": ("(?:[^"\\]|\\.)+")/g)].map(
    ([, text]) =>
      (JSON.parse(text ?? "") as string).replaceAll("$__rate_interval", "1m").replaceAll(/\$\w+/g, ".*"),
  );
  assert.ok(expressions.length > 20);
  for (const expression of expressions) await prometheus.query(expression);
  await assert.rejects(prometheus.query("rate(holdfast_actions_total)"), /expected type range vector/);
});
