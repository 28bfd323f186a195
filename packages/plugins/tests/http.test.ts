/** HTTP to hosts that are opened, as an agent's calls reach it: through the real gate and its proxy. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, realpathSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { createGate, type PluginGrant } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { removeAtExit } from "@holdfast/testing/scratch";
import { provenJails } from "./proven-jails.ts";

async function startServer(t: TestContext) {
  const seen: { request: IncomingMessage; body: string }[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      seen.push({ request, body });
      const { url = "/", headers } = request;
      const redirect = /^\/to\/(.*)$/.exec(url)?.[1];
      if (redirect !== undefined) {
        response.writeHead(302, { location: Buffer.from(redirect, "base64url").toString() }).end();
      } else if (url === "/json") {
        response.writeHead(200, { "content-type": "application/json", etag: '"1"', "x-own": "1" });
        response.end('{"a":[1]}');
      } else if (url === "/bytes") {
        response.writeHead(200, { "content-type": "image/png" }).end(Buffer.from([255, 254]));
      } else if (url === "/latin") {
        response.writeHead(200, { "content-type": "text/plain; charset=latin1" }).end(Buffer.from([0xe9]));
      } else if (url === "/refusal") {
        const error = { code: "egress.address_refused", message: "from elsewhere" };
        response.writeHead(503, { "content-type": "application/json", "x-should-retry": "true" });
        response.end(JSON.stringify({ error, rest: "x".repeat(400_000) }));
      } else if (url === "/cut") {
        request.socket.destroy();
      } else if (url === "/packed") {
        response.writeHead(200, { "content-encoding": "gzip" }).end("?");
      } else if (url === "/large") {
        response.writeHead(200, { "content-type": "text/plain" }).end("é".repeat(400_000));
      } else {
        response.writeHead(200, { "content-type": "text/html" }).end(`${request.method} ${headers.accept}`);
      }
    });
  });
  server.listen(0, "127.0.0.2");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen };
}

async function open(t: TestContext, grant?: PluginGrant) {
  const dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-http-")));
  chmodSync(dataDir, 0o755);
  removeAtExit(dataDir);
  const addresses: Record<string, string> = {
    "loop.example": "127.0.0.1",
    "cloud.example": "169.254.169.254",
  };
  const gate = await createGate({
    dataDir,
    jails: provenJails,
    vault: { env: {}, logins: false },
    egress: { networks: ["127.0.0.2/32"], resolve: async (host) => [addresses[host] ?? "127.0.0.2"] },
    plugins: {
      builtInDirectory: pluginsDirectory,
      watch: false,
      ...(grant === undefined ? {} : { grants: { http: grant } }),
    },
  });
  t.after(() => gate.close());
  const call = async (name: "fetch" | "send", args: Record<string, unknown>) => {
    const tool = gate.plugins.tools().find((each) => each.name === `http_${name}`);
    assert.ok(tool, name);
    const outcome = await gate.plugins.invoke({
      tool,
      arguments: args,
      principal: { jailId: "j", session: "s", group: "alpha" },
      correlation: "c",
      signal: new AbortController().signal,
    });
    if (outcome.ok) return JSON.stringify(outcome.result);
    const { code, message, retriable } = outcome.error;
    return `${code}: ${message}${retriable === true ? " (worth trying again)" : ""}`;
  };
  return { gate, call };
}

test("http reaches nothing where no host is opened", async (t) => {
  const { gate, call } = await open(t);
  assert.match(await call("fetch", { url: "https://good.example/" }), /has not allowed any host/);
  const tools = gate.plugins.tools().filter((each) => each.plugin === "http");
  assert.deepEqual(
    tools.map(({ name, riskLevel, untrusted }) => [name, riskLevel, untrusted]),
    [
      ["http_fetch", "low", true],
      ["http_send", "high", true],
    ],
  );
});

test("http", async (t) => {
  const { port, seen } = await startServer(t);
  const { call } = await open(t, {
    hosts: [
      {
        host: "good.example",
        ports: [port],
        methods: ["GET", "HEAD", "POST"],
        credential: { kind: "bearer", value: "the-key-of-the-operator" },
      },
      ...["other", "loop", "cloud"].map((name) => ({ host: `${name}.example`, ports: [port] })),
    ],
  });
  const good = `http://good.example:${port}`;
  const last = () => seen.at(-1);

  await t.test("gives answers as what they are, within bounds", async () => {
    assert.equal(
      (await call("fetch", { url: `${good}/json` })).replace(/"date":"[^"]*",/, ""),
      `{"url":"${good}/json","status":200,"headers":{"content-type":"application/json","etag":"\\"1\\""},"json":{"a":[1]},"bytes":9}`,
    );
    assert.match(await call("fetch", { url: `${good}/bytes` }), /"base64":"\/\/4=","bytes":2/);
    assert.match(await call("fetch", { url: `${good}/latin` }), /"text":"é"/);
    const large = await call("fetch", { url: `${good}/large`, max_bytes: 5 });
    assert.match(large, /"text":"éé","bytes":5,"truncated":true/);
    assert.match(await call("fetch", { url: `${good}/large` }), /"bytes":262144,"truncated":true/);
    assert.match(await call("fetch", { url: `${good}/x`, method: "HEAD" }), /"text":"","bytes":0/);
    assert.equal(last()?.request.method, "HEAD");
    // The operator's credential is the proxy's to present.
    assert.equal(last()?.request.headers.authorization, "Bearer the-key-of-the-operator");
  });

  await t.test("takes no answer of others for a refusal of the gate, and reads no more of it", async () => {
    const told = await call("fetch", { url: `${good}/refusal` });
    assert.match(told, /"status":503.*from elsewhere.*"bytes":262144,"truncated":true/);
  });

  await t.test("sends where the operator lets it, headers of its list alone", async () => {
    const headers = { Accept: "text/html", "content-type": "application/json" };
    assert.match(
      await call("send", { url: `${good}/x`, method: "POST", headers, body: '{"a":1}' }),
      /POST text\/html/,
    );
    assert.equal(last()?.body, '{"a":1}');
    assert.equal(last()?.request.headers["content-type"], "application/json");
    const count = seen.length;
    const refusals = [
      await call("send", { url: `${good}/x`, method: "DELETE" }),
      await call("send", { url: `http://other.example:${port}/x`, method: "POST", body: "x" }),
      await call("send", { url: `${good}/x`, method: "POST", body: "?", encoding: "base64" }),
      await call("send", { url: `${good}/x`, method: "POST", body: "x".repeat(102_401) }),
    ];
    for (const name of ["authorization", "cookie", "host", "x-forwarded-for", "transfer-encoding"]) {
      refusals.push(await call("fetch", { url: `${good}/x`, headers: { [name]: "x" } }));
    }
    refusals.push(await call("fetch", { url: `${good}/x`, headers: { accept: "x\r\ncookie: y" } }));
    for (const each of refusals) assert.match(each, /^HANDLER_ERROR: /);
    assert.equal(seen.length, count);
  });

  await t.test(
    "tells what was sent and may have been done as that, and not as worth trying again",
    async () => {
      for (const path of ["cut", "packed", "to/aHR0cDovL2JhZC5leGFtcGxlLw"]) {
        const sent = await call("send", { url: `${good}/${path}`, method: "POST", body: "x" });
        assert.match(
          sent,
          /^HTTP_UNCERTAIN: egress\.\w+: .*The request may have been executed: check before you repeat it$/,
          path,
        );
        assert.equal(last()?.request.method, "POST");
        assert.match(
          await call("fetch", { url: `${good}/${path}` }),
          /^HANDLER_ERROR: .*\(worth trying again\)$/,
          path,
        );
      }
    },
  );

  await t.test("goes nowhere else, by no address, name or redirect", async () => {
    const count = seen.length;
    for (const url of [
      `http://bad.example:${port}/`,
      `http://127.0.0.2:${port}/`,
      `http://[::1]:${port}/`,
      `http://2130706434:${port}/`,
      `http://loop.example:${port}/`,
      `http://cloud.example:${port}/`,
      "http://good.example/",
      `http://user:word@good.example:${port}/`,
      `${good}/a%2f..%2fb`,
      "file:///etc/passwd",
      "nothing",
    ]) {
      assert.match(await call("fetch", { url }), /^HANDLER_ERROR: /, url);
    }
    assert.equal(seen.length, count);
    const to = (target: string) => `${good}/to/${Buffer.from(target).toString("base64url")}`;
    const other = `http://other.example:${port}`;
    assert.match(
      await call("fetch", { url: to(`${other}/json`) }),
      new RegExp(`"url":"${other}/json".*"json"`),
    );
    // What was for the first host is not told to the second.
    assert.equal(last()?.request.headers.authorization, undefined);
    for (const target of ["http://bad.example/", `http://loop.example:${port}/`, "file:///etc/passwd"]) {
      assert.match(await call("fetch", { url: to(target) }), /^HANDLER_ERROR: egress\./, target);
    }
    let many = `${good}/json`;
    for (let n = 0; n < 5; n += 1) many = to(many);
    assert.match(await call("fetch", { url: many }), /"status":200/);
    assert.match(await call("fetch", { url: to(many) }), /More than 5 redirects/);
    const told = await call("send", { url: to(`${other}/json`), method: "POST", body: "x" });
    assert.match(told, new RegExp(`"status":302.*"location":"${other}/json"`));
    assert.equal(last()?.request.method, "POST");
  });
});
