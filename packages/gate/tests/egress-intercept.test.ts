/** Tunnels that end in the proxy: what is asked for in one is decided about, sent and counted as any other request. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { Duplex } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import { connect as tlsConnect } from "node:tls";
import { isErrorCode } from "@holdfast/core";
import {
  type Egress,
  type EgressAuthority,
  type EgressHost,
  type EgressOptions,
  explainEgress,
  type Gate,
  type GateConfig,
} from "@holdfast/gate";
import { codeOf, openProxy } from "./egress-support.ts";
import { eventually, openGate, temporaryDirectory } from "./support.ts";
import { askInside, openTunnel, rawInside, secureTunnel, startTlsUpstream } from "./tls-support.ts";

const key = "canary-docs-0123456789abcdef";
const credential = { kind: "bearer", value: key } as const;
const names = ["docs.example", "api.docs.example", "plain.example", "model.example", "loop.example"] as const;
const addresses: Readonly<Record<string, string>> = { "loop.example": "127.0.0.1" };

interface Setup {
  readonly gate: Gate;
  readonly egress: Egress;
  readonly port: number;
  /** "METHOD host path authorization" of what arrived. */
  readonly seen: string[];
  readonly ca: string;
}

type Opened = Pick<Partial<EgressOptions>, "intercept" | "budgets" | "jailId" | "session"> & {
  readonly hosts?: (port: number) => readonly EgressHost[];
  readonly upstreams?: (port: number) => EgressOptions["upstreams"];
  readonly answer?: RequestListener;
  readonly config?: GateConfig["egress"];
  readonly dataDir?: string;
};

const usualHosts = (port: number): EgressHost[] => [
  { host: "docs.example", ports: [port], pathPrefix: "/public", credential },
  { host: "plain.example", ports: [port] },
  { host: "loop.example", ports: [port], methods: ["GET"] },
];

const echo: RequestListener = (request, response) => {
  request
    .resume()
    .once("end", () => response.end(`${request.url} ${request.headers.authorization ?? "none"}`));
};

async function open(t: TestContext, opened: Opened = {}): Promise<Setup> {
  const { hosts = usualHosts, upstreams = () => [], answer = echo, config, dataDir, ...rest } = opened;
  const seen: string[] = [];
  const port = await startTlsUpstream(t, names, (request, response) => {
    const { method, url, headers } = request;
    seen.push(`${method} ${headers.host} ${url} ${headers.authorization ?? "none"}`);
    answer(request, response);
  });
  const gate = await openGate(t, {
    jails: { driver: "none", allowUnsafe: true },
    egress: {
      networks: ["127.0.0.2/32"],
      resolve: async (host) => [addresses[host] ?? "127.0.0.2"],
      ...config,
    },
    ...(dataDir === undefined ? {} : { dataDir }),
  });
  const options = { jailId: "j", session: "s", intercept: true, ...rest };
  const egress = await gate.openEgress({ ...options, upstreams: upstreams(port), hosts: hosts(port) });
  return { gate, egress, port, seen, ca: egress.authority?.certificate ?? "" };
}

async function inside({ egress, port, ca }: Setup, host: string) {
  const target = `${host}:${port}`;
  const secure = await secureTunnel(egress, target, { ca });
  return { secure, ask: askInside(secure, target), target };
}

describe("a tunnel to a host with finer rules", () => {
  test("is refused as long as the jail has no authority of its own", async (t) => {
    const { egress, port, gate } = await open(t, { intercept: false });
    assert.equal((await openTunnel(egress, `docs.example:${port}`)).status, 405);
    assert.equal(egress.authority, undefined);
    const plain = await gate.openEgress({
      jailId: "k",
      session: "s",
      upstreams: [],
      hosts: usualHosts(port),
    });
    assert.equal((await openTunnel(plain, `docs.example:${port}`)).status, 405);
    assert.equal(plain.authority, undefined);
  });

  test("ends in the proxy, which decides about each request, adds the key and takes it out of answers", async (t) => {
    const setup = await open(t);
    const { ask, secure, target } = await inside(setup, "docs.example");
    assert.equal(secure.alpnProtocol, false);
    const mine = { headers: { authorization: "Bearer of-the-jail" } };
    const good = await ask("GET", "/public/page?q=1", mine);
    assert.deepEqual([good.status, good.body], [200, "/public/page?q=1 Bearer [redacted]"]);
    const refused: readonly [string, string, number, string][] = [
      ["GET", "/private", 403, "not_allowed"],
      ["POST", "/public/page", 403, "not_allowed"],
      ["GET", "/", 403, "not_allowed"],
      ["GET", "/publicity", 403, "not_allowed"],
      // Names of the proxy's own mean nothing in here.
      ["GET", `/web/https/docs.example:${setup.port}/public/page`, 403, "not_allowed"],
    ];
    for (const [method, path, status, code] of refused) {
      const reply = await ask(method, path);
      assert.deepEqual([path, reply.status, codeOf(reply)], [path, status, code]);
    }
    assert.equal((await ask("GET", "/public")).status, 200, "over the same connection");
    assert.deepEqual(setup.seen, [
      `GET ${target} /public/page?q=1 Bearer ${key}`,
      `GET ${target} /public Bearer ${key}`,
    ]);
    const [tunnel] = await setup.gate.audit.query({ type: "egress.tunnel" });
    assert.deepEqual(tunnel?.data, { host: target, method: "CONNECT", intercepted: true });
    const requests = await setup.gate.audit.query({ type: "egress.request" });
    assert.deepEqual(
      requests.map(({ data }) => [data?.["method"], data?.["host"], data?.["path"]]),
      [
        ["GET", target, "/public/page"],
        ["GET", target, "/public"],
      ],
    );
    const denied = await setup.gate.audit.query({ type: "egress.denied" });
    assert.equal(denied.length, refused.length);
    const [mark] = await setup.gate.audit.query({ type: "session.tainted" });
    assert.equal(mark?.data?.["reason"], `egress to ${target}`);
    secure.destroy();
  });

  test("holds requests for that host alone, by a path alone", async (t) => {
    const setup = await open(t, {
      hosts: (port) => [...usualHosts(port), { host: "api.docs.example", ports: [port], methods: ["GET"] }],
    });
    const { ask } = await inside(setup, "docs.example");
    for (const host of [
      "api.docs.example",
      `api.docs.example:${setup.port}`,
      "docs.example",
      "docs.example:443",
      "",
    ]) {
      const reply = await ask("GET", "/public", { headers: { host } });
      assert.deepEqual([host, reply.status, codeOf(reply)], [host, 421, "misdirected_request"]);
    }
    assert.equal(
      (await ask("GET", "/public", { headers: { host: `DOCS.example:${setup.port}` } })).status,
      200,
    );
    const bad: readonly [string, string, string][] = [
      [`GET https://docs.example:${setup.port}/public HTTP/1.1`, "", "malformed_path"],
      ["GET /public/../private HTTP/1.1", "", "malformed_path"],
      ["GET /public/%2e%2e/private HTTP/1.1", "", "malformed_path"],
      ["GET /public HTTP/1.1", "Connection: upgrade\r\nUpgrade: websocket\r\n", "ambiguous_request"],
      ["POST /public HTTP/1.1", "Content-Length: 2\r\nContent-Length: 40\r\n", "malformed_request"],
      [`CONNECT docs.example:${setup.port} HTTP/1.1`, "", "connect_refused"],
      [`CONNECT plain.example:${setup.port} HTTP/1.1`, "", "connect_refused"],
    ];
    for (const [line, fields, code] of bad) {
      const { secure, target } = await inside(setup, "docs.example");
      const closing = fields.includes("upgrade") ? "" : "Connection: close\r\n";
      const answer = await rawInside(secure, `${line}\r\nHost: ${target}\r\n${closing}${fields}\r\n`);
      assert.match(answer, new RegExp(`^HTTP/1\\.1 4\\d\\d [\\s\\S]*egress\\.${code}`), line);
    }
    assert.equal(setup.seen.length, 1);
  });

  test("answers with addresses that lead on from it, where a redirect may be followed", async (t) => {
    const places = (port: number) => [
      `https://docs.example:${port}/public/next?a=b`,
      "/public/there",
      `https://plain.example:${port}/`,
      "https://evil.example/",
      `https://127.0.0.2:${port}/public`,
      `https://user@docs.example:${port}/public`,
    ];
    const setup = await open(t, {
      answer: (request, response) => {
        const at = Number(new URL(request.url ?? "", "http://x").searchParams.get("n"));
        response.writeHead(302, { location: places(setup.port)[at] ?? "" }).end();
      },
    });
    const { ask, target } = await inside(setup, "docs.example");
    const led = [];
    for (const at of places(0).keys()) {
      const { status, headers } = await ask("GET", `/public?n=${at}`);
      led.push(status === 302 ? headers.location : status);
    }
    const [next, , plain] = places(setup.port);
    assert.deepEqual(led, [next, `https://${target}/public/there`, plain, 502, 502, 502]);
  });

  test("leads to the address that was checked, which is a public one", async (t) => {
    const setup = await open(t);
    const { ask } = await inside(setup, "loop.example");
    assert.equal(codeOf(await ask("GET", "/")), "address_refused");
    assert.deepEqual(setup.seen, []);
  });

  test("speaks HTTP/1.1 and no other protocol", async (t) => {
    const setup = await open(t);
    const target = `docs.example:${setup.port}`;
    const both = await secureTunnel(setup.egress, target, {
      ca: setup.ca,
      ALPNProtocols: ["h2", "http/1.1"],
    });
    assert.equal(both.alpnProtocol, "http/1.1");
    both.destroy();
    await assert.rejects(
      secureTunnel(setup.egress, target, { ca: setup.ca, ALPNProtocols: ["h2"] }),
      /no application protocol/i,
    );
  });

  test("is TLS with that name, by a client that believes the authority of this very jail", async (t) => {
    const setup = await open(t);
    const { egress, gate, ca } = setup;
    const target = `docs.example:${setup.port}`;
    const other = await gate.openEgress({
      ...{ jailId: "other", session: "s", intercept: true, upstreams: [] },
      hosts: usualHosts(setup.port),
    });
    assert.notEqual(other.authority?.certificate, ca);
    await assert.rejects(secureTunnel(other, target, { ca }), { code: "SELF_SIGNED_CERT_IN_CHAIN" });
    await assert.rejects(secureTunnel(egress, target, {}), { code: "SELF_SIGNED_CERT_IN_CHAIN" });
    await assert.rejects(secureTunnel(egress, target, { ca, servername: "plain.example" }));
    const { socket } = await openTunnel(egress, target);
    socket.write(`GET /public HTTP/1.1\r\nHost: ${target}\r\n\r\n`);
    await once(socket.resume(), "close");
    const rules = (await gate.audit.query({ type: "egress.denied" })).map(({ data }) => data?.["rule"]);
    const mismatches = rules.filter((rule) => rule === "egress.server_name_mismatch");
    assert.equal(mismatches.length, 2);
    assert.deepEqual(setup.seen, []);
  });

  test("leaves tunnels to other hosts unread", async (t) => {
    const setup = await open(t);
    await assert.rejects(secureTunnel(setup.egress, `plain.example:${setup.port}`, { ca: setup.ca }));
    const secure = await secureTunnel(setup.egress, `plain.example:${setup.port}`, {});
    const reply = await askInside(secure, "anything.example")("GET", "/x");
    assert.equal(reply.body, "/x none");
    secure.destroy();
    for (const target of [
      `evil.example:${setup.port}`,
      "docs.example:22",
      `127.0.0.2:${setup.port}`,
      "docs.example",
    ])
      assert.equal((await openTunnel(setup.egress, target)).status, 405, target);
    const old = createConnection(setup.egress.socketPath);
    const answer = await rawInside(
      old,
      `CONNECT docs.example:${setup.port} HTTP/1.0\r\nHost: docs.example\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 405 /);
  });

  test("reaches the upstreams of its address, by their rules and within their budgets", async (t) => {
    const common = { provider: "none", credential: { kind: "none" }, publicOnly: true } as const;
    const setup = await open(t, {
      budgets: [{ scope: "session", period: "always", tokens: 10 }],
      hosts: () => [],
      upstreams: (port) => [
        {
          ...common,
          ...{ name: "one", baseUrl: `https://model.example:${port}/base` },
          allow: [{ methods: ["GET"], pathPrefix: "/a" }],
        },
        {
          ...common,
          ...{
            name: "two",
            baseUrl: `https://model.example:${port}/base`,
            provider: "anthropic",
            credential,
          },
          allow: [{ methods: ["GET", "POST"], pathPrefix: "/v1" }],
        },
        {
          ...common,
          ...{ name: "npm", baseUrl: `https://model.example:${port}/npm`, kind: "npm" },
          allow: [{ methods: ["GET"], pathPrefix: "/" }],
        },
        {
          ...common,
          name: "oned",
          baseUrl: "https://plain.example",
          allow: [{ methods: ["GET"], pathPrefix: "/" }],
        },
        {
          ...common,
          name: "web",
          baseUrl: "https://plain.example",
          allow: [{ methods: ["GET"], pathPrefix: "/" }],
        },
        {
          ...common,
          name: "ip",
          baseUrl: `https://127.0.0.2:${port}`,
          allow: [{ methods: ["GET"], pathPrefix: "/" }],
        },
      ],
      answer: (request, response) => {
        const tarball = `https://${request.headers.host}/npm/a/-/a.tgz`;
        response.setHeader("content-type", "application/json");
        if (request.url === "/base/a?moved") response.writeHead(302, { location: "/base/a/there" });
        response.end(JSON.stringify({ tarball }));
      },
    });
    const { ask, target } = await inside(setup, "model.example");
    assert.equal((await ask("GET", "/base/a?q=1")).status, 200);
    assert.equal((await ask("GET", "/base/v1/models")).status, 200);
    const packed = await ask("GET", "/npm/a");
    assert.deepEqual(JSON.parse(packed.body), { tarball: `https://${target}/npm/a/-/a.tgz` });
    assert.equal((await ask("GET", "/base/a?moved")).headers.location, `https://${target}/base/a/there`);
    const message = { body: JSON.stringify({ model: "m", max_tokens: 50, messages: [] }) };
    assert.equal((await ask("POST", "/base/v1/messages", message)).status, 402);
    assert.equal(codeOf(await ask("POST", "/base/a")), "not_allowed");
    for (const path of ["/based/a", "/a", "/", "/one/a", "/web/https/plain.example/"])
      assert.equal(codeOf(await ask("GET", path)), "unknown_upstream", path);
    assert.equal(codeOf(await ask("GET", "/base/../npm/a")), "malformed_path");
    const arrived = [
      "/base/a?q=1 none",
      `/base/v1/models Bearer ${key}`,
      "/npm/a none",
      "/base/a?moved none",
    ];
    assert.deepEqual(
      setup.seen,
      arrived.map((each) => `GET ${target} ${each}`),
    );
    assert.equal((await openTunnel(setup.egress, `127.0.0.2:${setup.port}`)).status, 405);
  });
});

/** Hears nothing of what is answered, and so says nothing after the first message. */
function deafEnd(socket: Socket, onSpoken = () => {}): Duplex {
  return new Duplex({
    read: () => {},
    write: (chunk, _encoding, done) =>
      void socket.write(chunk, (error) => {
        done(error);
        onSpoken();
      }),
  });
}

describe("the way of tunnels to their end in the proxy", () => {
  const upstream = { publicOnly: true, baseUrl: "https://model.example" } as const;
  const open = (t: TestContext, limits: Parameters<typeof openProxy>[2]) =>
    openProxy(t, upstream, limits, undefined, { intercept: true });

  test("is taken by so many at once", async (t) => {
    const { proxy, decisions } = await open(t, { maxHandshakes: 1 });
    const first = await openTunnel(proxy, "model.example:443");
    assert.equal(first.status, 200);
    assert.equal((await openTunnel(proxy, "model.example:443")).status, 429);
    assert.equal(decisions.at(-1)?.rule, "egress.too_many_tunnels");
    first.socket.end("no TLS");
    await once(first.socket.resume(), "close");
    const ca = proxy.authority?.certificate ?? "";
    for (let n = 0; n < 2; n++) await secureTunnel(proxy, "model.example:443", { ca });
  });

  test("is free again as soon as a client leaves it, in whatever way", { timeout: 5_000 }, async (t) => {
    const { proxy, decisions } = await open(t, { maxHandshakes: 1, handshakeMs: 60_000 });
    for (const leave of [(socket: Socket) => socket.end(), (socket: Socket) => socket.destroy()]) {
      const { status, socket } = await openTunnel(proxy, "model.example:443");
      assert.equal(status, 200);
      const spoken = Promise.withResolvers<void>();
      const client = tlsConnect({ socket: deafEnd(socket, spoken.resolve), servername: "model.example" });
      client.on("error", () => {});
      t.after(() => client.destroy());
      await spoken.promise;
      const told = decisions.length;
      leave(socket);
      await eventually("the tunnel is refused", () =>
        decisions.slice(told).some(({ rule }) => rule === "egress.handshake_failed"),
      );
    }
    const ca = proxy.authority?.certificate ?? "";
    await secureTunnel(proxy, "model.example:443", { ca });
  });

  test("takes so long at most", async (t) => {
    const { proxy, decisions } = await open(t, { handshakeMs: 50 });
    const { socket } = await openTunnel(proxy, "model.example:443");
    const client = tlsConnect({ socket: deafEnd(socket), servername: "model.example" });
    client.on("error", () => {});
    t.after(() => client.destroy());
    await once(socket.resume(), "close");
    assert.equal(decisions.at(-1)?.rule, "egress.handshake_failed");
  });

  test("ends with the way out, and so do tunnels that have taken it", async (t) => {
    const { proxy } = await open(t, {});
    const ca = proxy.authority?.certificate ?? "";
    const [secure, { socket }] = await Promise.all([
      secureTunnel(proxy, "model.example:443", { ca }),
      openTunnel(proxy, "model.example:443"),
    ]);
    const closed = Promise.all([once(secure, "close"), once(socket.resume(), "close")]);
    secure.on("error", () => {}).resume();
    await proxy.close();
    await closed;
  });
});

test("explain covers tunnels and the requests in them", async (t) => {
  const hosts = [{ host: "docs.example", pathPrefix: "/public" }, { host: "plain.example" }];
  const upstreams: EgressOptions["upstreams"] = [
    {
      ...{
        name: "model",
        baseUrl: "https://model.example/v1",
        provider: "none",
        credential: { kind: "none" },
      },
      allow: [{ methods: ["GET"], pathPrefix: "/models" }],
    },
    { name: "ip", baseUrl: "https://127.0.0.1", provider: "none", allow: [], credential: { kind: "none" } },
  ];
  const { gate } = await open(t);
  const egress = await gate.openEgress({ jailId: "k", session: "s", intercept: true, upstreams, hosts });
  const cases: readonly [string, string, string, boolean][] = [
    ["CONNECT", "docs.example:443", "CONNECT docs.example:443", true],
    ["CONNECT", "model.example:443", "CONNECT model.example:443", true],
    ["CONNECT", "plain.example:443", "CONNECT plain.example:443", false],
    ["CONNECT", "model.example:444", "egress.connect_refused", false],
    ["CONNECT", "127.0.0.1:443", "egress.connect_refused", false],
    ["CONNECT", "evil.example:443", "egress.connect_refused", false],
    ["CONNECT", "docs.example", "egress.connect_refused", false],
    ["GET", "https://docs.example/public", "GET|HEAD /public", false],
    ["GET", "https://docs.example/", "egress.not_allowed", false],
    ["GET", "https://model.example/v1/models", "GET /models", false],
    ["GET", "https://model.example/models", "egress.unknown_upstream", false],
    ["GET", "no address", "egress.unknown_upstream", false],
  ];
  for (const [method, url, rule, intercepted] of cases) {
    const told = egress.explain(method, url);
    assert.deepEqual([url, told.rule, told.intercepted === true], [url, rule, intercepted]);
    assert.deepEqual(explainEgress({ upstreams, hosts, intercept: true }, method, url), told);
  }
  const told = explainEgress({ upstreams, hosts }, "CONNECT", "docs.example:443");
  assert.equal(told.rule, "egress.connect_refused");
});

test("an authority is made where the file, the program or the jail asks for it, and its files go with the egress; hosts of the file are for jails without a list", async (t) => {
  const dataDir = temporaryDirectory(t);
  writeFileSync(join(dataDir, "egress.json"), JSON.stringify({ version: 1, intercept: true }));
  const { gate, port } = await open(t, { dataDir });
  const hosts = usualHosts(port);
  const of = async (
    jailId: string,
    options: Partial<EgressOptions>,
  ): Promise<EgressAuthority | undefined> => {
    const opened = await gate.openEgress({ jailId, session: "s", upstreams: [], hosts, ...options });
    for (const path of [opened.authority?.certificatePath, opened.authority?.bundlePath])
      assert.equal(path === undefined || existsSync(path), true);
    await opened.close();
    assert.equal(opened.authority !== undefined && existsSync(opened.authority.certificatePath), false);
    return opened.authority;
  };
  assert.notEqual(await of("file", {}), undefined);
  assert.equal(await of("jail", { intercept: false }), undefined);
  assert.equal(
    await of("nothing", { hosts: [{ host: "plain.example" }] }),
    undefined,
    "nothing would end there",
  );
  const { gate: off } = await open(t, { dataDir: temporaryDirectory(t), config: { intercept: false } });
  const closed = await off.openEgress({ jailId: "k", session: "s", upstreams: [], hosts });
  assert.equal(closed.authority, undefined);
  const named = temporaryDirectory(t);
  writeFileSync(
    join(named, "egress.json"),
    JSON.stringify({ version: 1, hosts: [{ host: "docs.example" }] }),
  );
  const { gate: listed } = await open(t, { dataDir: named });
  const decided = async (jailId: string, options: Partial<EgressOptions>) => {
    const opened = await listed.openEgress({ jailId, session: "s", upstreams: [], ...options });
    return opened.explain("CONNECT", "docs.example:443").decision;
  };
  assert.equal(await decided("without-a-list", {}), "allow");
  assert.equal(await decided("with-a-list", { hosts: [] }), "deny");
  const wrong = temporaryDirectory(t);
  writeFileSync(join(wrong, "egress.json"), JSON.stringify({ version: 1, intercept: "yes" }));
  await assert.rejects(open(t, { dataDir: wrong }), (error) =>
    isErrorCode(error, "egress", "invalid_config"),
  );
});
