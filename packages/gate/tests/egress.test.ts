import assert from "node:assert/strict";
import { once } from "node:events";
import { statSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import { ask, codeOf, key, ok, openProxy, raw } from "./egress-support.ts";
import { eventually, startUpstream } from "./support.ts";

describe("what the proxy sends on", () => {
  test("is the request with the host's key in place of whatever the jail presented", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy } = await openProxy(t, { baseUrl: `${upstream.url}/base/` });
    const presented = {
      authorization: "Bearer jail",
      "x-api-key": proxy.placeholderKey,
      cookie: "a=b",
      "x-forwarded-for": "10.0.0.1",
      "x-drop-me": "1",
      connection: "x-drop-me",
      "proxy-authorization": "Basic eA==",
      "anthropic-version": "2023-06-01",
      "accept-encoding": "gzip",
      host: "evil.example",
    };
    const reply = await ask(proxy, "POST", "/model/v1/messages?beta=true", {
      headers: presented,
      body: '{"a":1}',
    });
    assert.equal(reply.status, 200);
    const [seen] = upstream.requests;
    assert.equal(seen?.body, '{"a":1}');
    assert.equal(seen?.request.url, "/base/v1/messages?beta=true");
    assert.deepEqual(seen?.request.headers, {
      "accept-encoding": "identity",
      "anthropic-version": "2023-06-01",
      connection: "close",
      "content-length": "7",
      host: `127.0.0.1:${upstream.port}`,
      "x-api-key": key,
    });
    assert.equal(JSON.stringify(seen.request.rawHeaders).includes(proxy.placeholderKey), false);
  });

  test("goes as a bearer token, as a login with its flag, or without any credential, as configured", async (t) => {
    const upstream = await startUpstream(t, ok);
    const bearer = await openProxy(t, { baseUrl: upstream.url, credential: { kind: "bearer", value: key } });
    const none = await openProxy(t, { baseUrl: upstream.url, credential: { kind: "none" } });
    for (const { proxy } of [bearer, none]) {
      await ask(proxy, "GET", "/model/v1/models", { headers: { authorization: "Bearer jail" } });
    }
    assert.deepEqual(
      upstream.requests.map(({ request }) => request.headers.authorization),
      [`Bearer ${key}`, undefined],
    );
  });

  test("is on record before and after, without the key", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy, audit, decisions } = await openProxy(t, { baseUrl: upstream.url });
    await ask(proxy, "POST", "/model/v1/messages", { body: "{}" });
    await ask(proxy, "DELETE", "/model/v1/messages");
    await eventually("three records", async () => (await audit.query()).length === 3);
    const records = await audit.query();
    assert.deepEqual(
      records.map((each) => each.type),
      ["egress.request", "egress.response", "egress.denied"],
    );
    assert.deepEqual(
      decisions.map(({ decision, rule }) => [decision, rule]),
      [
        ["allow", "POST /v1/messages"],
        ["deny", "egress.not_allowed"],
      ],
    );
    assert.equal(JSON.stringify([records, decisions]).includes(key), false);
  });

  test("is nothing at all when it cannot be put on record", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy, audit } = await openProxy(t, { baseUrl: upstream.url });
    await audit.close();
    const reply = await ask(proxy, "POST", "/model/v1/messages", { body: "{}" });
    assert.deepEqual(
      [reply.status, JSON.parse(reply.body).group, codeOf(reply)],
      [503, "audit", "unavailable"],
    );
    assert.deepEqual(upstream.requests, []);
  });
});

describe("what the proxy refuses", () => {
  const refused: readonly [string, string, number, string][] = [
    ["POST", "/other/v1/messages", 403, "unknown_upstream"],
    ["POST", "/MODEL/v1/messages", 403, "unknown_upstream"],
    ["POST", "/", 403, "unknown_upstream"],
    ["POST", "/model", 403, "not_allowed"],
    ["GET", "/model/v1/messages", 403, "not_allowed"],
    ["POST", "/model/v1/messagesX", 403, "not_allowed"],
    ["POST", "/model/v1/files", 403, "not_allowed"],
    ["POST", "/model/v1/messages/../files", 400, "malformed_path"],
    ["POST", "/model/v1/messages/./x", 400, "malformed_path"],
    ["POST", "/model/v1/messages/%2e%2e/files", 400, "malformed_path"],
    ["POST", "/model/v1/messages/..%2ffiles", 400, "malformed_path"],
    ["POST", "/model/v1/messages/%252e%252e/files", 400, "malformed_path"],
    ["POST", "/model/v1/messages/..\\files", 400, "malformed_path"],
    ["POST", "/model//v1/messages", 400, "malformed_path"],
    ["POST", "/model/v1/messages/%00", 400, "malformed_path"],
    ["POST", "/model/v1/messages/%0d%0aHost:%20evil", 400, "malformed_path"],
    ["POST", "/model/v1/messages/%zz", 400, "malformed_path"],
    ["POST", "http://evil.example/model/v1/messages", 400, "malformed_path"],
    ["OPTIONS", "*", 400, "malformed_path"],
  ];
  test("is every call that no rule allows, before the upstream hears of it", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy, decisions } = await openProxy(t, { baseUrl: upstream.url });
    for (const [method, path, status, code] of refused) {
      const reply = await ask(proxy, method, path, { headers: { "x-api-key": "jail" } });
      assert.deepEqual([path, reply.status, codeOf(reply)], [path, status, code]);
    }
    assert.deepEqual(upstream.requests, []);
    assert.ok(decisions.every((each) => each.decision === "deny"));
    assert.equal(decisions.length, refused.length);
  });

  const head = "POST /model/v1/messages HTTP/1.1\r\nHost: x\r\n";
  const smuggled = "GET /model/v1/models?smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
  const malformed: readonly [string, string][] = [
    [
      "length and chunked",
      `${head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    [
      "chunked and length",
      `${head}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ["two lengths", `${head}Content-Length: 0\r\nContent-Length: 60\r\n\r\n${smuggled}`],
    ["a list of lengths", `${head}Content-Length: 0, 60\r\n\r\n${smuggled}`],
    ["a signed length", `${head}Content-Length: +0\r\n\r\n${smuggled}`],
    ["a hidden encoding", `${head}Transfer-Encoding: xchunked\r\n\r\n${smuggled}`],
    [
      "a doubled encoding",
      `${head}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n${smuggled}`,
    ],
    ["an encoding with a tab", `${head}Transfer-Encoding:\tchunked, identity\r\n\r\n${smuggled}`],
    ["a space before the colon", `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ["a bare line feed", `POST /model/v1/messages HTTP/1.1\nHost: x\n\n${smuggled}`],
    ["a bare carriage return", `${head}A: b\rContent-Length: 60\r\n\r\n${smuggled}`],
    ["a folded line", `${head}A: b\r\n Transfer-Encoding: chunked\r\n\r\n${smuggled}`],
    ["a NUL in a field", `${head}A: b\0c\r\n\r\n${smuggled}`],
    ["two hosts", `${head}Host: y\r\n\r\n${smuggled}`],
    ["no host", `POST /model/v1/messages HTTP/1.1\r\n\r\n${smuggled}`],
    ["HTTP/1.0", `POST /model/v1/messages HTTP/1.0\r\nHost: x\r\n\r\n${smuggled}`],
    ["HTTP/0.9", `GET /model/v1/models\r\n\r\n`],
    ["the HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
    [
      "an upgrade",
      `${head}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n\r\n${smuggled}`,
    ],
    ["a broken chunk size", `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n${smuggled}`],
    ["garbage", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  ];
  test("is every request whose framing could be read in two ways, and what follows it", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy, decisions } = await openProxy(t, { baseUrl: upstream.url });
    for (const [name, bytes] of malformed) {
      const answer = await raw(proxy, bytes);
      assert.match(answer, /^HTTP\/1\.1 (400|408|413|505) /, name);
      assert.equal(answer.match(/HTTP\/1\.1 \d/g)?.length, 1, `${name}: one answer, then the end`);
      const behind = decisions.filter(({ decision, method }) => decision === "allow" && method === "GET");
      assert.deepEqual(behind, [], `${name}: nothing behind it is decided about`);
    }
    assert.equal(
      upstream.requests.some(({ request }) => request.url?.includes("smuggled")),
      false,
    );
    assert.equal((await ask(proxy, "GET", "/model/v1/models")).status, 200, "the proxy still works");
  });

  test("is a tunnel", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy, decisions } = await openProxy(t, { baseUrl: upstream.url });
    const answer = await raw(
      proxy,
      `CONNECT 127.0.0.1:${upstream.port} HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n`,
    );
    assert.match(answer, /^HTTP\/1\.1 405 [\s\S]*egress\.connect_refused/);
    assert.equal(decisions[0]?.rule, "egress.connect_refused");
    assert.deepEqual(upstream.requests, []);
  });

  test("is a configuration that is not exact", async (t) => {
    for (const part of [
      { name: "Model" },
      { baseUrl: "ftp://host/" },
      { baseUrl: "https://user:pass@host/" },
      { baseUrl: "https://host/?a=b" },
      { baseUrl: "nonsense" },
      { allow: [{ methods: ["CONNECT"], pathPrefix: "/" }] },
      { allow: [{ methods: ["GET"], pathPrefix: "/../x" }] },
      // A program in JavaScript can misspell it: an answer would have no form.
      { provider: "antropic" as "anthropic" },
    ]) {
      await assert.rejects(openProxy(t, { baseUrl: "http://127.0.0.1:1", ...part }), (error: unknown) =>
        isErrorCode(error, "egress", "invalid_upstream"),
      );
    }
  });
});

describe("the limits of the proxy", () => {
  test("hold for the size of head and body", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy } = await openProxy(t, { baseUrl: upstream.url }, { maxRequestBytes: 100_000 });
    const post = (body: Buffer, headers: Record<string, string> = {}) =>
      ask(proxy, "POST", "/model/v1/messages", { body, headers });
    assert.equal((await post(Buffer.alloc(100_000))).status, 200);
    assert.equal((await post(Buffer.alloc(100_001))).status, 413);
    assert.equal((await post(Buffer.alloc(100_000), { "transfer-encoding": "chunked" })).status, 200);
    assert.equal((await post(Buffer.alloc(300_000), { "transfer-encoding": "chunked" })).status, 413);
    assert.equal((await post(Buffer.alloc(0), { large: "x".repeat(64 * 1024) })).status, 431);
    assert.equal(upstream.requests.length, 2);
  });

  test("hold for what a head is made of: its bytes, and how many fields", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy, decisions } = await openProxy(
      t,
      { baseUrl: upstream.url },
      { maxHeaderBytes: 4_096, maxHeaders: 16 },
    );
    const get = (headers: Record<string, string>) => ask(proxy, "GET", "/model/v1/models", { headers });
    assert.equal((await get({ large: "x".repeat(3_500) })).status, 200);
    const refused = await get({ large: "x".repeat(4_500) });
    assert.deepEqual([refused.status, codeOf(refused)], [431, "headers_too_large"]);
    assert.equal(decisions.at(-1)?.rule, "egress.headers_too_large");
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, n) => [`x-${n}`, "1"]));
    assert.equal((await get(many(14))).status, 200, "sixteen with host and connection");
    const tooMany = await get(many(15));
    assert.deepEqual([tooMany.status, codeOf(tooMany)], [431, "headers_too_large"]);
    assert.equal(upstream.requests.length, 2);
  });

  test("hold for a head that takes long, and for a body that does, each by itself", async (t) => {
    const upstream = await startUpstream(t, ok);
    const send = (setup: Awaited<ReturnType<typeof openProxy>>, bytes: string) =>
      new Promise<string>((resolve) => {
        const socket = createConnection(setup.proxy.socketPath);
        let answer = "";
        socket.on("data", (chunk) => {
          answer += String(chunk);
        });
        socket.on("error", () => {});
        socket.once("close", () => resolve(answer));
        socket.write(bytes);
      });
    const head = "POST /model/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n";
    const slowHeads = await openProxy(
      t,
      { baseUrl: upstream.url },
      { headersTimeoutMs: 50, requestTimeoutMs: 600_000, checkIntervalMs: 10 },
    );
    assert.match(await send(slowHeads, head), /^HTTP\/1\.1 408 /);
    const slowBodies = await openProxy(
      t,
      { baseUrl: upstream.url },
      { headersTimeoutMs: 50, requestTimeoutMs: 50, checkIntervalMs: 10 },
    );
    assert.match(await send(slowBodies, `${head}\r\n{}`), /^HTTP\/1\.1 408 /);
  });

  test("hold for connections and for those that are slow, while another jail goes on", async (t) => {
    const upstream = await startUpstream(t, ok);
    const limits = { maxConnections: 4, headersTimeoutMs: 500, requestTimeoutMs: 5_000, checkIntervalMs: 20 };
    const busy = await openProxy(t, { baseUrl: upstream.url }, limits);
    const other = await openProxy(t, { baseUrl: upstream.url }, { maxConnections: 4 });
    const slow = Array.from({ length: 10 }, () => raw.bind(undefined, busy.proxy)).map(
      () =>
        new Promise<string>((resolve) => {
          const socket = createConnection(busy.proxy.socketPath);
          let answer = "";
          socket.on("data", (chunk) => {
            answer += String(chunk);
          });
          socket.on("error", () => {});
          socket.once("close", () => resolve(answer));
          socket.write("POST /model/v1/messages HTTP/1.1\r\nHost: x\r\nA: ");
        }),
    );
    assert.equal((await ask(other.proxy, "GET", "/model/v1/models")).status, 200);
    const answers = await Promise.all(slow);
    assert.equal(answers.filter((each) => each === "").length, 6, "closed unheard");
    assert.equal(answers.filter((each) => /^HTTP\/1\.1 408/.test(each)).length, 4);
    assert.equal((await ask(busy.proxy, "GET", "/model/v1/models")).status, 200);
  });

  test("hold for an upstream that says nothing", async (t) => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    t.after(() => silent.close());
    const address = silent.address();
    const port = typeof address === "object" ? address?.port : 0;
    const { proxy } = await openProxy(t, { baseUrl: `http://127.0.0.1:${port}` }, { upstreamIdleMs: 100 });
    const reply = await ask(proxy, "GET", "/model/v1/models");
    assert.deepEqual([reply.status, codeOf(reply)], [504, "upstream_timed_out"]);
  });

  test("hold for the body of a request that was refused: it is not read to its end", async (t) => {
    const { proxy } = await openProxy(t, { baseUrl: "http://127.0.0.1:1" }, { maxDiscardBytes: 1_000 });
    const socket = createConnection(proxy.socketPath);
    socket.on("error", () => {});
    const closed = once(socket, "close");
    let answer = "";
    socket.on("data", (chunk) => {
      answer += String(chunk);
    });
    socket.write("POST /other HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    while (answer === "") await once(socket, "data");
    assert.match(answer, /^HTTP\/1\.1 403 /);
    socket.write("x".repeat(2_000));
    await closed;
  });

  test("do not outlive it: closing it ends every connection, whatever it waits for", async (t) => {
    const { proxy } = await openProxy(t, { baseUrl: "http://127.0.0.1:1" });
    const sockets = ["", "POST /model/v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n"].map(
      (bytes) => {
        const socket = createConnection(proxy.socketPath);
        socket.on("error", () => {});
        socket.write(bytes);
        return socket;
      },
    );
    await Promise.all(sockets.map((socket) => once(socket, "connect")));
    // Who is answered came after them, so that they are with the proxy by now.
    assert.equal((await ask(proxy, "POST", "/other")).status, 403);
    const closed = sockets.map((socket) => once(socket, "close"));
    await proxy.close();
    await Promise.all(closed);
  });

  test("keep the socket to the host", async (t) => {
    const { proxy } = await openProxy(t, { baseUrl: "http://127.0.0.1:1" });
    assert.equal(statSync(join(proxy.socketPath, "..")).mode & 0o777, 0o700);
  });
});
