import assert from "node:assert/strict";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { encodeKey } from "@holdfast/core";
import { type PostgresServer, startPostgres } from "@holdfast/testing/postgres";
import { removeAtExit } from "@holdfast/testing/scratch";
import { setup } from "holdfast";
import { createClient } from "holdfast/client";
import { type ClusterRegistry, clusterActors } from "./actors.ts";
import { acmeToken, betaToken, namespaceCases, namespaces, namespacesText } from "./namespace-cases.ts";
import { runCli, startNodes, type TestNode } from "./nodes.ts";

describe("namespaces on one machine, with SQLite", () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "holdfast-namespaces-"));
  removeAtExit(dataDirectory);
  const registry = setup({ use: clusterActors, dataDirectory, namespaces, noWelcome: true, httpPort: 0 });
  let url = "";

  before(async () => {
    ({ url } = await registry.start());
  });
  after(() => registry.shutdown());

  namespaceCases(() => [url]);

  const clientOf = (namespace: "acme" | "beta") =>
    createClient<ClusterRegistry>({ endpoint: url, namespace, token: namespaces[namespace].token });

  test("the command line works in a namespace, and a copy may go to another", async () => {
    await clientOf("acme").counter.getOrCreate(["cli"]).add(3);
    const options = (namespace: string, token: string) =>
      ["--url", url, "--namespace", namespace, "--token", token] as const;
    const list = await runCli([
      "actors",
      "list",
      "counter",
      "--prefix",
      "cli",
      ...options("acme", acmeToken),
    ]);
    assert.match(list, / counter\/cli\n/);
    assert.equal(
      await runCli(["actors", "count", "counter", "--prefix", "cli", ...options("beta", betaToken)]),
      "0\n",
    );
    const state = await runCli(["actors", "state", "counter/cli", "--json", ...options("acme", acmeToken)]);
    assert.deepEqual(JSON.parse(state), { count: 3 });
    await assert.rejects(
      runCli(["actors", "state", "counter/cli", ...options("acme", betaToken)]),
      /inspector\.unauthorized/,
    );
    const file = await fetch(`${url}/actors/acme:counter/@${encodeKey(["cli"])}/export`, {
      headers: { "x-holdfast-token": acmeToken },
    });
    const made = await fetch(`${url}/actors/import?namespace=beta`, {
      method: "POST",
      headers: { "x-holdfast-token": betaToken },
      body: await file.arrayBuffer(),
    });
    assert.equal(made.status, 201);
    assert.deepEqual(((await made.json()) as { readonly name: string }).name, "counter");
    assert.equal(await clientOf("beta").counter.get(["cli"]).read(), 3);
  });
});

describe("namespaces on two nodes", () => {
  let server: PostgresServer;
  let nodes: readonly TestNode[];

  before(async () => {
    server = await startPostgres();
    nodes = await startNodes(2, { store: server.url, env: { HOLDFAST_NAMESPACES: namespacesText } });
  });
  after(async () => {
    await Promise.all(nodes.map((node) => node.stop()));
    await server.stop();
  });

  namespaceCases(() => nodes.map(({ url }) => url));
});
