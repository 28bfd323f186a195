/** What the steps of an environment reach, in real jails, with a registry on loopback. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { stepNetwork } from "../../src/environments/step-network.ts";
import { createStudio } from "../../src/index.ts";
import { makeRepository, needsJail, temporaryFolder } from "../support.ts";
import { commit, environmentFile, prepare } from "./support.ts";

const fetching = (rule: string) => `
network: [${rule}]
setup:
  - name: fetch
    run: |
      node -e 'fetch(process.env.npm_config_registry + "some-package").then((answer) => answer.text()).then(console.log)'
      node -e 'fetch(process.env.TARGET).then(() => console.log("REACHED"), () => console.log("blocked"))'
`;

test("the entry npm is the registry of this machine, and nothing else", async (t) => {
  if (!needsJail(t)) return;
  const seen: string[] = [];
  const registry = createServer((request, response) => {
    seen.push(request.url ?? "");
    response.setHeader("content-type", "application/json").end('{"name":"some-package"}');
  });
  registry.listen(0, "127.0.0.1");
  await once(registry, "listening");
  t.after(() => registry.close());
  const { port } = registry.address() as AddressInfo;
  const before = process.env["npm_config_registry"];
  process.env["npm_config_registry"] = `http://127.0.0.1:${port}/`;
  t.after(() => {
    if (before === undefined) delete process.env["npm_config_registry"];
    else process.env["npm_config_registry"] = before;
  });
  const folder = temporaryFolder(t);
  const repository = makeRepository(folder);
  const target = `env: {TARGET: "http://127.0.0.1:${port}/direct"}`;
  commit(repository, { [environmentFile]: `${fetching("npm")}${target}\n` });
  const studio = await createStudio({ dataDirectory: join(folder, "data"), environment: {} });
  t.after(() => studio.close());
  const view = await prepare(studio.client, repository);
  assert.equal(view.status, "ready", JSON.stringify(view));
  assert.match(view.steps[0]?.output ?? "", /some-package[\s\S]*blocked/);
  assert.deepEqual(seen, ["/some-package"]);
});

test("a secret becomes a credential of the proxy, for an allowed host alone", async (t) => {
  const data = temporaryFolder(t);
  const secret = { name: "token", as: "bearer" } as const;
  const rule = { host: "packages.example.com", methods: ["GET"], path: "/simple/", secret };
  await assert.rejects(stepNetwork([rule], data, "local"), (error) =>
    isErrorCode(error, "environment", "host_not_allowed"),
  );
  for (const method of ["GET", "POST"]) {
    await assert.rejects(
      stepNetwork([{ host: "packages.example.com", methods: [method] }], data, "local"),
      (error) => isErrorCode(error, "environment", "host_not_allowed"),
    );
  }
  await writeFile(join(data, "environments.json"), '{"hosts": ["packages.example.com"]}');
  assert.deepEqual(await stepNetwork([rule], data, "local"), {
    upstreams: [],
    hosts: [
      {
        host: "packages.example.com",
        methods: ["GET"],
        pathPrefix: "/simple/",
        credential: { kind: "secret", name: "token", as: "bearer" },
      },
    ],
    variables: {},
  });
  // The secrets of a machine are for its first organization.
  await assert.rejects(stepNetwork([rule], data, "other"), (error) =>
    isErrorCode(error, "environment", "secret_not_allowed"),
  );
  await writeFile(join(data, "environments.json"), '["packages.example.com"]');
  await assert.rejects(stepNetwork([rule], data, "local"), (error) =>
    isErrorCode(error, "environment", "invalid_hosts_file"),
  );
});
