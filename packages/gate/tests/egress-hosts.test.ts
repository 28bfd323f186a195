import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createServer as createTlsServer, get as httpsGet } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { isErrorCode } from "@holdfast/core";
import { type Egress, type EgressHost, explainEgress, type Gate } from "@holdfast/gate";
import { missing, openGate, startUpstream, temporaryDirectory } from "./support.ts";

/**
 * Names of these tests. 127.0.0.2 is let through as the network of an operator would be, which is the
 * control: the same request to 127.0.0.1 is refused.
 */
const answers: Record<string, readonly string[]> = {
  "good.example": ["127.0.0.2"],
  "api.good.example": ["127.0.0.2"],
  "loop.example": ["127.0.0.1"],
  "metadata.example": ["169.254.169.254", "fd00:ec2::254"],
  "mapped.example": ["::ffff:127.0.0.1"],
};

interface Setup {
  readonly gate: Gate;
  readonly egress: Egress;
  readonly asked: string[];
}

async function open(t: TestContext, hosts: readonly EgressHost[]): Promise<Setup> {
  const asked: string[] = [];
  const gate = await openGate(t, {
    jails: { driver: "none", allowUnsafe: true },
    egress: {
      networks: ["127.0.0.2/32"],
      resolve: async (host) => {
        asked.push(host);
        const all = answers[host];
        if (all === undefined) throw new Error("no such name");
        // A name that changes its mind as soon as it was checked.
        if (host === "good.example" && asked.filter((each) => each === host).length > 1) return ["127.0.0.1"];
        return all;
      },
    },
  });
  const egress = await gate.openEgress({ jailId: "j", session: "s", upstreams: [], hosts });
  return { gate, egress, asked };
}

async function ask(egress: Egress, path: string, method = "GET") {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest({ socketPath: egress.socketPath, method, path, agent: false }, resolve)
      .on("error", reject)
      .end();
  });
  const body = await text(response);
  const code = body.startsWith("{") ? (JSON.parse(body) as { code?: string }).code : undefined;
  return { status: response.statusCode, headers: response.headers, body, code };
}

function tunnel(
  egress: Egress,
  target: string,
): Promise<{ status: number | undefined; socket: Socket; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({
      socketPath: egress.socketPath,
      method: "CONNECT",
      path: target,
      agent: false,
    });
    request.on("connect", (response, socket) => {
      socket.on("error", () => {});
      resolve({ status: response.statusCode, socket: socket as Socket, body: "" });
    });
    request.on("error", reject);
    request.end();
  });
}

describe("hosts that a jail names itself", () => {
  test("are none when the list is empty", async (t) => {
    const { egress, asked } = await open(t, []);
    assert.equal((await ask(egress, "/web/https/good.example/")).code, "unknown_upstream");
    assert.equal((await tunnel(egress, "good.example:443")).status, 405);
    assert.deepEqual(asked, []);
  });

  test("are reached at the address that was checked, by the rules of the host alone", async (t) => {
    const upstream = await startUpstream(
      t,
      (request) => ({
        headers: { "content-type": "text/plain" },
        chunks: [String(request.headers.host)],
      }),
      undefined,
      "127.0.0.2",
    );
    const { port } = upstream;
    const { egress, asked } = await open(t, [
      { host: "good.example", ports: [port], pathPrefix: "/public" },
      { host: "*.good.example", ports: [port], methods: ["POST"] },
      ...["loop.example", "metadata.example", "mapped.example", "gone.example"].map((host) => ({
        host,
        ports: [port],
      })),
    ]);
    const good = await ask(egress, `/web/http/good.example:${port}/public/page?q=1`);
    assert.deepEqual([good.status, good.body], [200, `good.example:${port}`]);
    assert.deepEqual(asked, ["good.example"], "one question for one request");
    assert.equal((await ask(egress, `/web/http/good.example:${port}/public/again`)).code, "address_refused");
    const refused: readonly [string, string, string][] = [
      ["GET", `/web/http/good.example:${port}/private`, "not_allowed"],
      ["GET", `/web/http/good.example:${port}/public/../private`, "malformed_path"],
      ["POST", `/web/http/good.example:${port}/public`, "not_allowed"],
      ["GET", `/web/http/api.good.example:${port}/`, "not_allowed"],
      ["GET", "/web/http/good.example/public", "unknown_upstream"],
      ["GET", `/web/http/evil.example:${port}/`, "unknown_upstream"],
      ["GET", `/web/http/127.0.0.2:${port}/`, "unknown_upstream"],
      ["GET", `/web/http/GOOD.example:${port}/public`, "unknown_upstream"],
      ["GET", `/web/ftp/good.example:${port}/public`, "unknown_upstream"],
      ["GET", `/web/http/loop.example:${port}/`, "address_refused"],
      ["GET", `/web/http/metadata.example:${port}/`, "address_refused"],
      ["GET", `/web/http/mapped.example:${port}/`, "address_refused"],
      ["GET", `/web/http/gone.example:${port}/`, "name_not_found"],
    ];
    for (const [method, path, code] of refused)
      assert.deepEqual([path, (await ask(egress, path, method)).code], [path, code]);
    assert.equal((await ask(egress, `/web/http/api.good.example:${port}/`, "POST")).status, 200);
    assert.equal(upstream.requests.length, 2);
  });

  test("taint the session that asks them, before they answer, save those that the operator trusts", async (t) => {
    const upstream = await startUpstream(t, () => ({ chunks: ["words"] }), undefined, "127.0.0.2");
    const { port } = upstream;
    const { gate, egress } = await open(t, [
      { host: "good.example", ports: [port], trusted: true },
      { host: "api.good.example", ports: [port] },
    ]);
    const marks = () => gate.audit.query({ type: "session.tainted" });
    assert.equal((await ask(egress, `/web/http/good.example:${port}/`)).status, 200);
    assert.deepEqual(await marks(), []);
    assert.equal((await ask(egress, `/web/http/evil.example:${port}/`)).code, "unknown_upstream");
    assert.deepEqual(await marks(), [], "what is refused brings nothing in");
    assert.equal((await ask(egress, `/web/http/api.good.example:${port}/`)).status, 200);
    assert.equal((await ask(egress, `/web/http/api.good.example:${port}/`)).status, 200);
    const [mark, ...more] = await marks();
    assert.deepEqual(
      [mark?.session, mark?.data?.["reason"], more.length],
      ["s", `egress to api.good.example:${port}`, 0],
    );
  });

  test("are decided about again at each redirect", async (t) => {
    const locations = ["http://evil.example/", "http://127.0.0.1/", "/web/http/evil.example/"];
    const upstream = await startUpstream(
      t,
      (request) => {
        const at = Number(new URL(request.url ?? "", "http://x").searchParams.get("n"));
        const host = at === 4 ? "other.good.example" : "api.good.example";
        const location = locations[at] ?? `http://${host}:${upstream.port}/next?a=b`;
        return { status: 302, headers: { location }, chunks: [] };
      },
      undefined,
      "127.0.0.2",
    );
    const { port } = upstream;
    const { egress } = await open(t, [{ host: "*.good.example", ports: [port] }]);
    const base = `/web/http/api.good.example:${port}`;
    assert.equal((await ask(egress, `${base}/?n=0`)).code, "redirect_refused");
    assert.equal((await ask(egress, `${base}/?n=1`)).code, "redirect_refused");
    assert.equal((await ask(egress, `${base}/?n=2`)).headers.location, `${base}/web/http/evil.example/`);
    assert.equal((await ask(egress, `${base}/?n=3`)).headers.location, `${base}/next?a=b`);
    const other = `/web/http/other.good.example:${port}/next?a=b`;
    assert.equal((await ask(egress, `${base}/?n=4`)).headers.location, other, "to another host of the list");
  });

  test("are configured exactly, or not at all", async (t) => {
    for (const bad of [
      { host: "127.0.0.1" },
      { host: "2130706433" },
      { host: "0x7f.1" },
      { host: "[::1]" },
      { host: "*" },
      { host: "*.com" },
      { host: "a..b" },
      { host: "Good.example" },
      { host: "good.example", ports: [0] },
      { host: "good.example", methods: ["CONNECT"] },
      { host: "good.example", pathPrefix: "/a/../b" },
    ])
      await assert.rejects(open(t, [bad]), (error: unknown) =>
        isErrorCode(error, "egress", "invalid_upstream"),
      );
  });
});

describe("a tunnel", { skip: missing("openssl") }, () => {
  async function startTls(t: TestContext) {
    const folder = temporaryDirectory(t);
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const subject = [
      "-subj",
      "/CN=good.example",
      "-addext",
      "subjectAltName=DNS:good.example,DNS:api.good.example",
    ];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    execFileSync("openssl", ["req", ...kind, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
    const server = createTlsServer(
      { key: readFileSync(key), cert: readFileSync(cert) },
      (request, response) => {
        response.end(`hello ${request.url}`);
      },
    );
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.2", resolve));
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, ca: readFileSync(cert) };
  }

  test("passes TLS with the server that it was opened for, and nothing else", async (t) => {
    const { port, ca } = await startTls(t);
    const { egress, gate } = await open(t, [
      { host: "*.good.example", ports: [port] },
      { host: "good.example", ports: [port], methods: ["GET"] },
      { host: "loop.example", ports: [port] },
    ]);
    const target = `api.good.example:${port}`;
    const { socket, status } = await tunnel(egress, target);
    assert.equal(status, 200);
    const secure = tlsConnect({ socket, servername: "api.good.example", ca });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      httpsGet({ createConnection: () => secure, host: "api.good.example" }, resolve).on("error", reject);
    });
    assert.equal(await text(response), "hello /");
    secure.destroy();
    const [mark] = await gate.audit.query({ type: "session.tainted" });
    assert.equal(mark?.data?.["reason"], `egress to ${target}`, "words come through a tunnel too");

    const others: readonly (readonly [string, (socket: Socket) => void])[] = [
      [
        "another server's name",
        (raw) => tlsConnect({ socket: raw, servername: "good.example", ca }).on("error", () => {}),
      ],
      ["no name", (raw) => tlsConnect({ socket: raw, ca }).on("error", () => {})],
      ["plain text", (raw) => raw.write("GET / HTTP/1.1\r\nHost: api.good.example\r\n\r\n")],
    ];
    for (const [what, begin] of others) {
      const opened = await tunnel(egress, target);
      const closed = new Promise<void>((resolve) => opened.socket.once("close", () => resolve()));
      opened.socket.resume();
      begin(opened.socket);
      await closed;
      assert.equal(opened.status, 200, what);
    }
    for (const [to, status405] of [
      [`good.example:${port}`, 405],
      ["api.good.example:22", 405],
      ["evil.example:443", 405],
      [`127.0.0.2:${port}`, 405],
      [`loop.example:${port}`, 403],
    ] as const)
      assert.equal((await tunnel(egress, to)).status, status405, to);
    const tunnels = await gate.audit.query({ type: "egress.tunnel" });
    assert.deepEqual(
      tunnels.map(({ data }) => data?.["host"]),
      [target],
      "only the first was dialled",
    );
    const denied = await gate.audit.query({ type: "egress.denied" });
    assert.equal(denied.filter(({ data }) => data?.["rule"] === "egress.server_name_mismatch").length, 3);
  });
});

test("explain gives the decision that is made", async (t) => {
  const upstream = await startUpstream(t, () => ({ chunks: ["ok"] }));
  const upstreams = [
    {
      name: "model",
      baseUrl: `${upstream.url}/base`,
      provider: "anthropic" as const,
      allow: [{ methods: ["POST"], pathPrefix: "/v1/messages" }],
      credential: { kind: "bearer", value: "never-shown-0123456789" } as const,
    },
  ];
  const hosts = [{ host: "good.example" }, { host: "api.good.example", pathPrefix: "/v2" }];
  const gate = await openGate(t, { jails: { driver: "none", allowUnsafe: true } });
  const egress = await gate.openEgress({ jailId: "j", session: "s", upstreams, hosts });
  const cases: readonly [string, string, string, string][] = [
    ["POST", "/model/v1/messages", "allow", "POST /v1/messages"],
    ["POST", `${upstream.url}/base/v1/messages`, "allow", "POST /v1/messages"],
    ["GET", "/model/v1/messages", "deny", "egress.not_allowed"],
    ["POST", "/model/v1/../x", "deny", "egress.malformed_path"],
    ["GET", "https://good.example/page", "allow", "GET|HEAD /"],
    ["GET", "https://api.good.example/v1", "deny", "egress.not_allowed"],
    ["GET", "https://evil.example/", "deny", "egress.unknown_upstream"],
    ["CONNECT", "good.example:443", "allow", "CONNECT good.example:443"],
    ["CONNECT", "api.good.example:443", "deny", "egress.connect_refused"],
    ["CONNECT", "evil.example:443", "deny", "egress.connect_refused"],
  ];
  for (const [method, url, decision, rule] of cases) {
    const told = egress.explain(method, url);
    assert.deepEqual([url, told.decision, told.rule], [url, decision, rule]);
    assert.deepEqual(explainEgress({ upstreams, hosts }, method, url), told);
    assert.equal(JSON.stringify(told).includes("never-shown"), false);
    if (url.startsWith("/"))
      assert.equal((await ask(egress, url, method)).status === 200, decision === "allow");
  }
  assert.deepEqual(await gate.audit.query({ type: "egress.tunnel" }), []);
});
