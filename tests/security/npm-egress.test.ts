/** Real npm in a real jail: packages are read through the proxy, and nothing is published. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { hostRegistry, npmEnvironment, npmUpstream } from "@holdfast/gate";
import { findProgram } from "../../packages/gate/src/jail/host/programs.ts";
import { origin, runInJail } from "../../packages/gate/tests/jail-network.ts";
import { jailNode, missing, openGate, temporaryDirectory } from "./support.ts";

interface Registry {
  readonly url: string;
  /** "METHOD path authorization". */
  readonly seen: string[];
}

/** A registry below a path, with one scoped package, which wants a token for it. */
async function startRegistry(t: TestContext, token: string): Promise<Registry> {
  const folder = temporaryDirectory(t);
  mkdirSync(join(folder, "package"));
  const manifest = { name: "@acme/greet", version: "1.2.3", main: "index.js" };
  writeFileSync(join(folder, "package", "package.json"), JSON.stringify(manifest));
  writeFileSync(join(folder, "package", "index.js"), "module.exports = 'hello';\n");
  execFileSync("tar", ["-czf", join(folder, "greet.tgz"), "-C", folder, "package"]);
  const tarball = readFileSync(join(folder, "greet.tgz"));
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const seen: string[] = [];
  const server = createServer((request, response) => {
    void text(request).then(() => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? "none"}`);
      if (request.headers.authorization !== `Bearer ${token}`) return response.writeHead(401).end();
      if (request.method === "PUT") return response.writeHead(201).end("{}");
      if (request.url === "/repo/@acme/greet/-/greet-1.2.3.tgz") return response.end(tarball);
      if (request.url !== "/repo/@acme%2fgreet") return response.writeHead(404).end("{}");
      const dist = {
        tarball: `http://${request.headers.host}/repo/@acme/greet/-/greet-1.2.3.tgz`,
        integrity,
      };
      const versions = { "1.2.3": { ...manifest, dist } };
      response.setHeader("content-type", "application/json");
      return response.end(
        JSON.stringify({ name: manifest.name, "dist-tags": { latest: "1.2.3" }, versions }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/repo/`, seen };
}

test("an npm that knows no registry is no way out", async (t) => {
  const programs = temporaryDirectory(t);
  writeFileSync(join(programs, "npm"), "#!/bin/sh\necho undefined\n", { mode: 0o755 });
  const found = hostRegistry({ homeDir: programs, env: { PATH: programs } });
  await assert.rejects(found, (error) => isErrorCode(error, "egress", "no_registry"));
});

describe("npm in a jail", { skip: missing("bwrap", "npm", "tar") }, () => {
  test("installs from the registry of the host, whose token it never has, and publishes nothing", async (t) => {
    const token = "npm_canary0123456789abcdef";
    const registry = await startRegistry(t, token);
    const home = temporaryDirectory(t);
    const { host, pathname } = new URL(registry.url);
    writeFileSync(
      join(home, ".npmrc"),
      `registry=${registry.url}\n//${host}${pathname}:_authToken=\${TEST_TOKEN}\n`,
    );
    // What npm itself was started with must not answer for the home of this test.
    const env = { PATH: process.env["PATH"], TEST_TOKEN: token };
    const found = await hostRegistry({ homeDir: home, env });
    assert.deepEqual(found, { url: registry.url, token });

    const npmFolder = dirname(dirname(realpathSync(findProgram("npm") ?? "")));
    const workspace = temporaryDirectory(t);
    const gate = await openGate(t);
    const egress = await gate.openEgress({ jailId: "npm", session: "s", upstreams: [npmUpstream(found)] });
    const npm = `${jailNode.path} /opt/npm/bin/npm-cli.js --cache /tmp/cache --loglevel error`;
    const done = await runInJail(
      gate,
      egress,
      `cd /workspace && echo '{"name":"app","version":"1.0.0"}' > package.json
       ${npm} install @acme/greet >log 2>&1 && ${jailNode.path} -p 'require("@acme/greet")'
       rm -rf node_modules && ${npm} ci >>log 2>&1 && echo "from the lock file"
       echo '//127.0.0.1:4180/npm/:_authToken=placeholder' > /tmp/.npmrc
       ${npm} publish >>log 2>&1 && echo published || echo refused
       cat log`,
      {
        env: npmEnvironment(origin),
        mounts: [
          { source: workspace, target: "/workspace", mode: "rw" },
          { source: npmFolder, target: "/opt/npm", mode: "ro" },
        ],
      },
    );
    assert.deepEqual(
      done.stdout.split("\n").slice(0, 3),
      ["hello", "from the lock file", "refused"],
      done.stdout,
    );
    assert.ok(registry.seen.length >= 3);
    assert.ok(
      registry.seen.every((each) => /^(GET|HEAD) .* Bearer npm_canary/.test(each)),
      registry.seen.join("\n"),
    );
    const lock = readFileSync(join(workspace, "package-lock.json"), "utf8");
    assert.ok(lock.includes(`${origin}/npm/@acme/greet/-/greet-1.2.3.tgz`), lock);
    const refusals = await gate.audit.query({ type: "egress.denied" });
    assert.deepEqual(
      refusals.map(({ data }) => [data?.["method"], data?.["path"]]),
      [["PUT", "/app"]],
    );
    assert.equal(JSON.stringify([done, lock, await gate.audit.query()]).includes(token), false);

    // The control: with the token of the host, the same publish is taken.
    const direct = await fetch(`${registry.url}app`, {
      method: "PUT",
      headers: { authorization: `Bearer ${token}` },
      body: "{}",
    });
    assert.equal(direct.status, 201);
  });
});
