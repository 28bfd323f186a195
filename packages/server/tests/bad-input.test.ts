import assert from "node:assert/strict";
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { encodeParams, encodingPrefix, paramsPrefix, subprotocol } from "@holdfast/client";
import { decodeValue, encodeValue, limits } from "@holdfast/core";
import { allActors } from "@holdfast/testing/actors";
import { WebSocket } from "ws";
import { serverLimits } from "../src/index.ts";
import { serve } from "./support.ts";

const json = { "content-type": "application/json" };
const cbor = { "content-type": "application/cbor" };

interface Problem {
  readonly group: string;
  readonly code: string;
  readonly status: number;
  readonly type: string;
}

async function problem(response: Response): Promise<string> {
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const text = await response.text();
  assert.doesNotMatch(text, /\.ts:\d+|node_modules/, "no stack trace leaves the server");
  const body = JSON.parse(text) as Problem;
  assert.equal(body.status, response.status);
  assert.equal(body.type, `urn:holdfast:error:${body.code}`);
  return `${response.status} ${body.group}.${body.code}`;
}

describe("bad requests", () => {
  const post = (body: string | Uint8Array, headers: Record<string, string> = json) => ({
    method: "POST",
    headers,
    body: body as string,
  });
  const path = "/actors/echo/@,/actions/none?create=true";
  const cases: readonly (readonly [string, string, RequestInit, string])[] = [
    ["an unknown path", "/nothing", {}, "404 gateway.not_found"],
    ["an unknown path below /actors", "/actors/echo/@,/other/x", post(""), "404 gateway.not_found"],
    ["a path that is too long", "/actors/echo/@,/actions/a/b", post(""), "404 gateway.not_found"],
    ["no actor in the path", "/actors/echo", post(""), "404 gateway.not_found"],
    ["an unknown actor", "/actors/missing/@,/actions/none?create=true", post(""), "404 actor.not_found"],
    ["an actor that does not exist", "/actors/echo/@x,/actions/none", post(""), "404 actor.not_found"],
    ["an unknown id", "/actors/echo/0190/actions/none", post(""), "404 actor.not_found"],
    [
      "an unknown action",
      "/actors/echo/@,/actions/missing?create=true",
      post(""),
      "404 actor.action_not_found",
    ],
    [
      "an inherited name",
      "/actors/echo/@,/actions/constructor?create=true",
      post(""),
      "404 actor.action_not_found",
    ],
    ["an inherited actor", "/actors/__proto__/@,/actions/x?create=true", post(""), "404 actor.not_found"],
    ["a wrong method", path, {}, "405 gateway.method_not_allowed"],
    ["a wrong method of an actor", "/actors/echo/@,", { method: "PATCH" }, "405 gateway.method_not_allowed"],
    ["a wrong method of health", "/health", { method: "PUT" }, "405 gateway.method_not_allowed"],
    ["a connection without upgrade", "/actors/echo/@,/connect", {}, "426 gateway.upgrade_required"],
    [
      "an unknown content type",
      path,
      post("{}", { "content-type": "text/plain" }),
      "415 gateway.unsupported_content_type",
    ],
    ["malformed JSON", path, post('{"args":['), "400 message.malformed_json"],
    ["JSON that is not UTF-8", path, post(new Uint8Array([0x22, 0xff, 0x22])), "400 message.malformed_json"],
    ["JSON that is not an object", path, post("[1]"), "400 message.malformed_request"],
    ["args that are no array", path, post('{"args":{"0":1}}'), "400 message.malformed_request"],
    ["JSON too deep", path, post(`{"args":${"[".repeat(90)}${"]".repeat(90)}}`), "400 message.too_deep"],
    [
      "malformed CBOR",
      path,
      post(new Uint8Array([0xa1, 0x64]), { ...cbor, accept: "application/json" }),
      "400 message.malformed_cbor",
    ],
    [
      "CBOR with bytes after it",
      path,
      post(new Uint8Array([0xa0, 0x00]), { ...cbor, accept: "application/json" }),
      "400 message.malformed_cbor",
    ],
    [
      "a key that is not canonical",
      "/actors/echo/@a/actions/none?create=true",
      post(""),
      "400 actor.invalid_key",
    ],
    [
      "a key with bad escapes",
      "/actors/echo/@%zz,/actions/none?create=true",
      post(""),
      "400 actor.invalid_key",
    ],
    ["a name with bad escapes", "/actors/%zz/@,/actions/none", post(""), "400 gateway.malformed_path"],
    [
      "a key component that is too long",
      `/actors/echo/@${"k".repeat(129)},/actions/none?create=true`,
      post(""),
      "400 actor.key_too_long",
    ],
    ["an unknown query", "/actors/echo/@,/actions/none?creat=true", post(""), "400 gateway.malformed_path"],
    ["creation by id", "/actors/echo/0190/actions/none?create=true", post(""), "400 gateway.malformed_path"],
    [
      "an idempotency key that is too long",
      path,
      post("", { ...json, "idempotency-key": "k".repeat(129) }),
      "400 message.invalid_idempotency_key",
    ],
    [
      "an idempotency key of a creation that is too long",
      "/actors/echo/@new,",
      post("", { ...json, "idempotency-key": "k".repeat(129) }),
      "400 message.invalid_idempotency_key",
    ],
    [
      "an empty idempotency key of a creation",
      "/actors/echo/@new,",
      post("", { ...json, "idempotency-key": "" }),
      "400 message.invalid_idempotency_key",
    ],
    [
      "parameters that are not base64url",
      path,
      post("", { ...json, "x-holdfast-conn-params": "!" }),
      "400 message.malformed_params",
    ],
    [
      "parameters that are too long",
      path,
      post("", { ...json, "x-holdfast-conn-params": "A".repeat(5_600) }),
      "400 message.params_too_long",
    ],
    [
      "a foreign origin",
      path,
      post("", { ...json, origin: "https://evil.example" }),
      "403 gateway.forbidden_origin",
    ],
    ["an opaque origin", path, post("", { ...json, origin: "null" }), "403 gateway.forbidden_origin"],
    [
      "a preflight of a foreign origin",
      path,
      { method: "OPTIONS", headers: { origin: "https://evil.example" } },
      "403 gateway.forbidden_origin",
    ],
  ];

  test("each gets its error, and changes nothing", async (t) => {
    const { url, registry } = await serve(t, allActors);
    for (const [name, target, init, expected] of cases) {
      await t.test(name, async () => {
        const response = await fetch(url + target, init);
        assert.equal(await problem(response), expected);
        const handled = await registry.handler(new Request(url + target, init));
        assert.equal(await problem(handled), expected, "the fetch handler answers the same");
      });
    }
    const all = await (await registry.directory()).store.list({ limit: 100 });
    // Some of the bad calls reached an actor that they made; none made another.
    assert.ok(
      all.actors.every((record) => record.name === "echo" && record.key.length === 1 && record.key[0] === ""),
    );
    assert.ok(all.actors.length <= 1);
  });

  test("errors in CBOR carry the wire fields", async (t) => {
    const { url } = await serve(t, allActors);
    const response = await fetch(`${url}/actors/echo/@x,/actions/none`, { method: "POST", headers: cbor });
    assert.equal(response.status, 404);
    const body = decodeValue(new Uint8Array(await response.arrayBuffer())) as Problem;
    assert.deepEqual([body.group, body.code, body.status], ["actor", "not_found", 404]);
  });

  test("bodies at the limit, one below and one above", async (t) => {
    const { url } = await serve(t, allActors);
    for (const [size, status] of [
      [limits.maxIncomingMessageBytes - 1, 200],
      [limits.maxIncomingMessageBytes, 200],
      [limits.maxIncomingMessageBytes + 1, 413],
    ] as const) {
      const body = `{"args":["${"x".repeat(size - 13)}"]}`;
      assert.equal(body.length, size);
      const target = `${url}/actors/echo/@,/actions/size?create=true`;
      const response = await fetch(target, { method: "POST", headers: json, body });
      assert.equal(response.status, status);
      if (status === 413) assert.equal(await problem(response), "413 message.incoming_too_long");
      else assert.deepEqual(await response.json(), { output: size - 13 });
      const chunked = await fetch(target, {
        method: "POST",
        headers: json,
        body: new Blob([body]).stream(),
        duplex: "half",
      });
      assert.equal(chunked.status, status, "also when the length is not declared");
      await chunked.arrayBuffer();
    }
  });

  test("an endless body is cut off while it streams", { timeout: 60_000 }, async (t) => {
    const { listening } = await serve(t, allActors);
    let sent = 0;
    const status = await new Promise<number | undefined>((resolve, reject) => {
      const request = httpRequest({
        port: listening.port,
        host: "127.0.0.1",
        method: "POST",
        path: "/actors/echo/@,/actions/size?create=true",
        headers: json,
      });
      let answered: number | undefined;
      request.on("response", (response) => {
        answered = response.statusCode;
        response.resume();
      });
      request.on("error", (error) => (answered === undefined ? reject(error) : undefined));
      request.on("close", () => resolve(answered));
      const more = (): void => {
        while (!request.destroyed && request.write(Buffer.alloc(16_384, 0x20))) sent += 16_384;
      };
      request.on("drain", more);
      more();
    });
    assert.equal(status, 413);
    assert.ok(sent < 64 * 1_048_576, "the server stopped reading");
  });

  test("input at the limit and above", { timeout: 60_000 }, async (t) => {
    const { url } = await serve(t, allActors);
    const put = (key: string, bytes: number): Promise<Response> => {
      // 15 bytes around the value: the map, its key and the head of the byte string.
      const body = encodeValue({ input: new Uint8Array(bytes - 12) });
      return fetch(`${url}/actors/echo/@${key},`, { method: "PUT", headers: cbor, body });
    };
    assert.equal((await put("fits", limits.maxInputBytes)).status, 200);
    assert.equal((await put("too-long", limits.maxInputBytes + 64)).status, 413);
    assert.equal((await fetch(`${url}/actors/echo/@too-long,`)).status, 404);
  });
});

describe("Host and Origin", () => {
  function get(port: number, host: string | undefined): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => {
        const header = host === undefined ? "" : `Host: ${host}\r\n`;
        socket.write(`GET /health HTTP/1.1\r\n${header}Connection: close\r\n\r\n`);
      });
      let text = "";
      socket.setEncoding("latin1");
      socket.on("data", (chunk: string) => {
        text += chunk;
      });
      socket.on("close", () =>
        resolve(`${text.slice(9, 12)} ${/"code":"(\w+)"/.exec(text)?.[1] ?? ""}`.trim()),
      );
      socket.on("error", reject);
    });
  }

  test("loopback and listed hosts are served, others are not", async (t) => {
    const { listening } = await serve(t, allActors, { gateway: { hosts: ["actors.example.com"] } });
    const { port } = listening;
    for (const host of [
      "127.0.0.1",
      `127.0.0.1:${port}`,
      "localhost:1",
      "LOCALHOST",
      "[::1]:80",
      "app.localhost",
      "actors.example.com",
    ]) {
      assert.equal(await get(port, host), "200", host);
    }
    for (const host of [
      undefined,
      "",
      "evil.example",
      "127.0.0.1.evil.example",
      "localhost.evil.example",
      "actors.example.com.evil",
      "127.0.0.1@evil.example",
      "127.0.0.1:80:80",
    ]) {
      assert.equal(await get(port, host), "403 forbidden_host", host);
    }
  });

  test("the server's own pages and listed origins may call", async (t) => {
    const app = "https://app.example.com";
    const { url } = await serve(t, allActors, { gateway: { origins: [app] } });
    const call = (origin: string) =>
      fetch(`${url}/actors/echo/@,/actions/none?create=true`, { method: "POST", headers: { origin } });
    const own = await call(url);
    assert.equal(own.status, 200);
    assert.equal(own.headers.get("access-control-allow-origin"), null);
    const listed = await call(app);
    assert.equal(listed.status, 200);
    assert.equal(listed.headers.get("access-control-allow-origin"), app);
    assert.equal((await call("https://app.example.com.evil")).status, 403);
    const preflight = await fetch(`${url}/actors/echo/@,/actions/none`, {
      method: "OPTIONS",
      headers: { origin: app },
    });
    assert.equal(preflight.status, 204);
    assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /idempotency-key/);
    // What the client of a page was given as `headers`, and the token that it shows.
    const asked = "authorization,content-type,x-holdfast-token,x-mine";
    for (const path of ["/actors/echo/@,/actions/none", "/actors?name=echo", "/metadata", "/openapi.json"]) {
      const { status, headers } = await fetch(`${url}${path}`, {
        method: "OPTIONS",
        headers: { origin: app, "access-control-request-headers": asked },
      });
      assert.deepEqual([status, headers.get("access-control-allow-headers")], [204, asked], path);
    }
  });
});

describe("bad connections", () => {
  function closing(
    url: string,
    path: string,
    options: {
      readonly protocols?: string[];
      readonly origin?: string;
      readonly send?: (string | Uint8Array)[];
    } = {},
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const protocols = options.protocols ?? [subprotocol, `${encodingPrefix}json`];
      const socket = new WebSocket(url.replace("http", "ws") + path, protocols, {
        ...(options.origin === undefined ? {} : { origin: options.origin }),
      });
      socket.on("message", (data) => {
        const text = data.toString();
        if (text.startsWith("[[0,")) for (const message of options.send ?? []) socket.send(message);
      });
      socket.on("close", (code, reason) => resolve(`${code} ${reason.toString()}`));
      socket.on("error", reject);
    });
  }
  const path = "/actors/echo/@,/connect?create=true";
  const cases: readonly (readonly [string, string, Parameters<typeof closing>[2], string])[] = [
    ["a foreign origin", path, { origin: "https://evil.example" }, "1008 gateway.forbidden_origin"],
    ["an unknown path", "/other", {}, "1008 gateway.not_found"],
    ["a path that is no connection", "/actors/echo/@,", {}, "1008 gateway.not_found"],
    ["an unknown actor", "/actors/missing/@,/connect?create=true", {}, "1008 actor.not_found"],
    ["an actor that does not exist", "/actors/echo/@x,/connect", {}, "1008 actor.not_found"],
    ["a malformed key", "/actors/echo/@x/connect", {}, "1008 actor.invalid_key"],
    ["no subprotocol", path, { protocols: [] }, "1008 gateway.unsupported_protocol"],
    [
      "malformed parameters",
      path,
      { protocols: [subprotocol, `${paramsPrefix}AAAAA`] },
      "1008 message.malformed_params",
    ],
    ["malformed JSON", path, { send: ["[["] }, "1008 message.malformed_json"],
    ["a binary message in JSON", path, { send: [new Uint8Array([0x80])] }, "1008 message.malformed_frame"],
    ["an unknown frame", path, { send: ["[[77]]"] }, "1008 message.malformed_frame"],
    [
      "a number that is taken",
      path,
      { send: ['[[1,5,"same",[1],"k1"],[1,5,"same",[1],"k2"]]'] },
      "1008 message.malformed_frame",
    ],
    [
      "a message over the limit",
      path,
      { send: [`[[1,1,"size",["${"x".repeat(65_536)}"],"k"]]`] },
      "1008 message.incoming_too_long",
    ],
    ["a message far over the limit", path, { send: ["x".repeat(300_000)] }, "1009 "],
    [
      "too many subscriptions",
      path,
      {
        send: [
          JSON.stringify(Array.from({ length: serverLimits.maxSubscriptions + 1 }, (_, i) => [3, `e${i}`])),
        ],
      },
      "1008 conn.too_many_subscriptions",
    ],
  ];
  test("each is accepted and closed with its reason", { timeout: 60_000 }, async (t) => {
    const { url } = await serve(t, allActors);
    for (const [name, target, options, expected] of cases) {
      await t.test(name, async () => assert.equal(await closing(url, target, options), expected));
    }
  });

  test("messages at the limit and one below are read", async (t) => {
    const { url } = await serve(t, allActors);
    for (const size of [limits.maxIncomingMessageBytes - 1, limits.maxIncomingMessageBytes]) {
      const around = '[[1,1,"size",[""],"k"]]'.length;
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = new WebSocket(url.replace("http", "ws") + path, [
          subprotocol,
          `${encodingPrefix}json`,
          paramsPrefix + encodeParams("json", { a: 1 }),
        ]);
        socket.on("message", (data) => {
          const text = data.toString();
          if (!text.startsWith("[[0,")) {
            resolve(text);
            socket.close();
            return;
          }
          socket.send(`[[1,1,"size",["${"x".repeat(size - around)}"],"k"]]`);
        });
        socket.on("close", (code, reason) => reject(new Error(`${code} ${reason.toString()}`)));
        socket.on("error", reject);
      });
      assert.equal(answer, `[[1,1,${size - around}]]`);
    }
  });
});
