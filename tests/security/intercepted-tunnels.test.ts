/** Real tools in real jails, whose tunnels end in the proxy: curl, Node's fetch and git by the addresses of hosts. */
import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import { describe, type TestContext, test } from "node:test";
import { authorityEnvironment, type Egress, type EgressOptions, type Gate } from "@holdfast/gate";
import { proxyEnvironment } from "@holdfast/guest";
import { origin, runInJail } from "../../packages/gate/tests/jail-network.ts";
import { startTlsUpstream } from "../../packages/gate/tests/tls-support.ts";
import { jailNode, missing, openGate } from "./support.ts";

const key = "canary-tunnel-0123456789abcdef";
const shownAt = {
  certificatePath: "/run/holdfast/authority.pem",
  bundlePath: "/run/holdfast/authorities.pem",
};

async function openIn(t: TestContext): Promise<Gate> {
  return openGate(t, {
    egress: { networks: ["127.0.0.2/32"], resolve: async () => ["127.0.0.2"] },
  });
}

/** Runs a script in a jail that believes `shown`, by default the authority of its own way out. */
function run(gate: Gate, egress: Egress, script: string, shown = egress.authority) {
  const mounts =
    shown === undefined
      ? []
      : [
          { source: shown.certificatePath, target: shownAt.certificatePath, mode: "ro" as const },
          { source: shown.bundlePath, target: shownAt.bundlePath, mode: "ro" as const },
        ];
  const env = { ...proxyEnvironment(origin), ...(shown === undefined ? {} : authorityEnvironment(shownAt)) };
  return runInJail(gate, egress, script, { env, mounts });
}

const docs = (port: number): Partial<EgressOptions> => ({
  hosts: [
    {
      host: "docs.example",
      ports: [port],
      pathPrefix: "/public",
      credential: { kind: "bearer", value: key },
    },
  ],
});

describe("tunnels of a jail that end in the proxy", { skip: missing("bwrap", "curl", "git") }, () => {
  test("let curl and fetch use the hosts' own addresses for allowed requests only", async (t) => {
    const seen: string[] = [];
    const answer: RequestListener = (request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? "none"}`);
      response.end(`hello ${request.headers.authorization}`);
    };
    const port = await startTlsUpstream(t, ["docs.example"], answer);
    // An upstream that the operator named may be private, and its name is not the jail's choice.
    const pinned = await startTlsUpstream(t, ["localhost"], answer, "127.0.0.1");
    const gate = await openIn(t);
    const egress = await gate.openEgress({
      ...{ jailId: "tools", session: "s", intercept: true, ...docs(port) },
      upstreams: [
        {
          ...{ name: "private", baseUrl: `https://localhost:${pinned}/api`, provider: "none" },
          allow: [{ methods: ["GET"], pathPrefix: "/list" }],
          credential: { kind: "bearer", value: key },
        },
      ],
    });
    const base = `https://docs.example:${port}`;
    const done = await run(
      gate,
      egress,
      `curl -sS ${base}/public/one ${base}/public/two -o /dev/null -o /dev/null -w '%{http_code} %{num_connects} %{http_version}\\n'
       curl -sS ${base}/private -o /dev/null -w '%{http_code}\\n'
       curl -sS -d x=y ${base}/public -o /dev/null -w '%{http_code}\\n'
       curl -sS -H 'Host: localhost' ${base}/public -o /dev/null -w '%{http_code}\\n'
       curl -sS --noproxy '' https://localhost:${pinned}/api/list -w ' %{http_code}\\n'
       curl -sS --noproxy '' https://localhost:${pinned}/api/other -o /dev/null -w '%{http_code}\\n'
       curl -s https://evil.example/ -o /dev/null -w '%{http_connect}\\n'
       ${jailNode.path} -e 'fetch("${base}/public/node").then(async (r) => console.log(r.status, await r.text()))'
       ${jailNode.path} -e 'fetch("${base}/private").then((r) => console.log(r.status))'
       env -u CURL_CA_BUNDLE -u SSL_CERT_FILE curl -s ${base}/public; echo $?
       cat /run/holdfast/* 2>/dev/null | grep -c PRIVATE`,
    );
    assert.deepEqual(done.stdout.trim().split("\n"), [
      "200 1 1.1",
      "200 0 1.1",
      "403",
      "403",
      "421",
      "hello Bearer [redacted] 200",
      "403",
      "405",
      "200 hello Bearer [redacted]",
      "403",
      "60",
      "0",
    ]);
    assert.deepEqual(seen, [
      `GET /public/one Bearer ${key}`,
      `GET /public/two Bearer ${key}`,
      `GET /api/list Bearer ${key}`,
      `GET /public/node Bearer ${key}`,
    ]);
    const records = JSON.stringify(await gate.audit.query());
    assert.equal(records.includes(key), false);
    assert.match(records, /egress\.handshake_failed/);
  });

  test("are of its own authority: that of another jail is worth nothing here", async (t) => {
    const port = await startTlsUpstream(t, ["docs.example"], (_request, response) => response.end("hello"));
    const gate = await openIn(t);
    const open = (jailId: string) =>
      gate.openEgress({ jailId, session: "s", intercept: true, upstreams: [], ...docs(port) });
    const [mine, other] = [await open("mine"), await open("other")];
    const script = `curl -s https://docs.example:${port}/public; echo " $?"`;
    assert.equal((await run(gate, mine, script)).stdout, "hello 0\n");
    assert.equal((await run(gate, other, script, mine.authority)).stdout, " 60\n");
    assert.equal((await run(gate, other, script)).stdout, "hello 0\n");
  });

  test("are refused where they would have to end in the proxy and that is not switched on", async (t) => {
    const port = await startTlsUpstream(t, ["docs.example"], (_request, response) => response.end("hello"));
    const gate = await openIn(t);
    const egress = await gate.openEgress({ jailId: "off", session: "s", upstreams: [], ...docs(port) });
    assert.equal(egress.authority, undefined);
    const done = await run(
      gate,
      egress,
      `curl -s https://docs.example:${port}/public -o /dev/null -w '%{http_connect}\\n'; ls /run/holdfast`,
    );
    assert.equal(done.stdout, "405\negress.sock\n");
  });
});
