/** The wire of `rivetkit` clients by hand: routing, rights, and input that no client sends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { actor, event } from "@holdfast/actors";
import { HoldfastError, limits } from "@holdfast/core";
import { WebSocket } from "ws";
import type { AccessInfo, Listening, Registry } from "../src/index.ts";
import { storedRegistry, temporaryDirectory } from "./support.ts";

const room = actor({
  state: { visits: 0 },
  events: { visited: event<number>() },
  onRequest: (_c, request) => Response.json({ url: request.url }),
  onWebSocket: (_c, socket) => socket.send("hello"),
  actions: {
    visit: (c) => {
      c.state.visits += 1;
      c.broadcast("visited", c.state.visits);
      return c.state.visits;
    },
    echo: (_c, value: unknown) => value,
    long: () => "x".repeat(100_000),
  },
});
const guarded = actor({
  onAuth: (_c, { params }) => {
    if ((params as { key?: string } | undefined)?.key !== "open")
      throw new HoldfastError("auth", "closed", "No");
  },
  actions: { enter: () => "in" },
});
type Actors = { room: typeof room; guarded: typeof guarded };

const asked: string[] = [];
let registry: Registry<Actors>;
let server: Listening;
before(async () => {
  const access = ({ kind, actor: name, action, header }: AccessInfo): void => {
    asked.push([kind, name, action ?? ""].join(" ").trim());
    if (header("x-refused") !== undefined) throw new HoldfastError("auth", "forbidden", "Not you");
  };
  const gateway = { rivetClients: true, access, origins: ["https://app.example.com"], credentials: true };
  registry = storedRegistry({ room, guarded }, temporaryDirectory(), gateway);
  server = await registry.listen({ port: 0 });
});
after(() => registry.shutdown());

const query = "rvt-namespace=default&rvt-method=getOrCreate&rvt-runner=default&rvt-crash-policy=sleep";

function call(
  name: string,
  body: unknown,
  init: { encoding?: string; path?: string; headers?: object } = {},
) {
  const { encoding = "json", path = `/gateway/room/action/${name}?${query}&rvt-key=calls`, headers } = init;
  return fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "x-rivet-encoding": encoding, ...headers },
    body: body instanceof Uint8Array ? (body as Uint8Array<ArrayBuffer>) : JSON.stringify(body),
  });
}

async function refusal(response: Response): Promise<string> {
  const { group, code, message } = (await response.json()) as Record<string, string>;
  assert.equal(response.headers.get("content-type"), "application/json");
  assert.ok(message);
  return `${response.status} ${group}.${code}`;
}

describe("requests of rivetkit clients", () => {
  test("are routed by name and key, by id, and by header", async () => {
    assert.deepEqual(await (await call("visit", { args: [] })).json(), { output: 1 });
    const found = await fetch(`${server.url}/actors?name=room&key=calls&namespace=default`);
    const { actors } = (await found.json()) as {
      actors: { actor_id: string; key: string; create_ts: number }[];
    };
    const [{ actor_id: id = "", key = "", create_ts: at = 0 } = {}] = actors;
    assert.equal(key, "calls");
    assert.ok(Math.abs(Date.now() - at) < 60_000);
    assert.deepEqual(await (await call("visit", {}, { path: `/gateway/${id}/action/visit` })).json(), {
      output: 2,
    });
    assert.deepEqual(await (await call("visit", {}, { path: `/gateway/${id}@any/action/visit` })).json(), {
      output: 3,
    });
    const headers = { "x-rivet-target": "actor", "x-rivet-actor": id };
    const direct = (await (await fetch(`${server.url}/request/a?b=%20c`, { headers })).json()) as {
      url: string;
    };
    assert.match(direct.url, /\/a\?b=%20c$/);
    const byId = await fetch(`${server.url}/actors?actor_ids=${id}&namespace=default`);
    assert.equal(((await byId.json()) as { actors: unknown[] }).actors.length, 1);
    const inspected = await fetch(`${server.url}/gateway/${id}/inspector/state`);
    assert.deepEqual(await inspected.json(), { state: { visits: 3 }, isStateEnabled: true });
    const nothing = await fetch(`${server.url}/gateway/${id}/inspector/nothing`);
    assert.equal(await refusal(nothing), "404 inspector.not_found");
    const none = await fetch(`${server.url}/actors?actor_ids=0190&namespace=default`);
    assert.deepEqual(await none.json(), { actors: [] });
    assert.equal((await fetch(`${server.url}/metadata?namespace=default`)).status, 200);
  });

  test("are created once by PUT and POST /actors", async () => {
    const ask = async (method: string): Promise<[number, unknown]> => {
      const body = { name: "room", key: "made", runner_name_selector: "default", crash_policy: "sleep" };
      const response = await fetch(`${server.url}/actors?namespace=default`, {
        method,
        body: JSON.stringify(body),
      });
      const { actor: made, created, code } = (await response.json()) as Record<string, unknown>;
      return [response.status, made === undefined ? code : created];
    };
    assert.deepEqual(await ask("PUT"), [200, true]);
    assert.deepEqual(await ask("PUT"), [200, false]);
    assert.deepEqual(await ask("POST"), [409, "duplicate_key"]);
  });

  test("pass the same hooks as those of our own clients", async () => {
    asked.length = 0;
    const headers = { "x-refused": "1" };
    assert.equal(await refusal(await call("visit", {}, { headers })), "403 auth.forbidden");
    const found = await fetch(`${server.url}/actors?name=room&key=calls&namespace=default`, { headers });
    assert.equal(await refusal(found), "403 auth.forbidden");
    assert.deepEqual(asked, ["action room visit", "resolve room"]);
    const path = `/gateway/guarded/action/enter?${query}`;
    assert.equal(await refusal(await call("enter", {}, { path })), "500 auth.closed");
    const open = { "x-rivet-conn-params": JSON.stringify({ key: "open" }) };
    assert.deepEqual(await (await call("enter", {}, { path, headers: open })).json(), { output: "in" });
  });

  test("may come from pages of allowed origins", async () => {
    const origin = "https://app.example.com";
    const preflight = await fetch(`${server.url}/gateway/room/action/visit?${query}`, {
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-rivet-encoding",
      },
    });
    assert.equal(preflight.headers.get("access-control-allow-headers"), "x-rivet-encoding");
    const answer = await call("visit", {}, { headers: { origin } });
    assert.equal(answer.headers.get("access-control-allow-origin"), origin);
    assert.equal(answer.headers.get("access-control-allow-credentials"), "true");
    const other = await call("visit", {}, { headers: { origin: "https://evil.example.com" } });
    assert.equal(((await other.json()) as { code: string }).code, "forbidden_origin");
  });

  test("get a result of another size than a packet", async () => {
    const { output } = (await (await call("long", {})).json()) as { output: string };
    assert.equal(output.length, 100_000);
  });

  const bytes = (...all: number[]): Uint8Array => Uint8Array.from(all);
  const cases: readonly (readonly [string, unknown, Parameters<typeof call>[2], string])[] = [
    ["JSON that is none", bytes(0x7b), {}, "400 message.malformed_json"],
    ["a body that is no object", [], {}, "400 message.malformed_request"],
    ["a broken tag", { args: [["$BigInt", "x"]] }, {}, "400 message.malformed_json"],
    ["an unknown encoding", {}, { encoding: "xml" }, "415 gateway.unsupported_content_type"],
    [
      "parameters that are no JSON",
      {},
      { headers: { "x-rivet-conn-params": "{" } },
      "400 message.malformed_params",
    ],
    [
      "parameters that are too long",
      {},
      { headers: { "x-rivet-conn-params": JSON.stringify("p".repeat(limits.maxConnParamsBytes)) } },
      "400 message.params_too_long",
    ],
    ["a body that is too long", { args: ["x".repeat(200_000)] }, {}, "413 message.incoming_too_long"],
    ["arguments that are too long", { args: ["x".repeat(70_000)] }, {}, "413 message.incoming_too_long"],
    ["an unknown action", {}, { path: `/gateway/room/action/nope?${query}` }, "404 actor.action_not_found"],
    ["an unknown actor", {}, { path: `/gateway/nobody/action/visit?${query}` }, "404 actor.not_found"],
    ["an unknown id", {}, { path: "/gateway/0190/action/visit" }, "404 actor.not_found"],
    [
      "no actor with the key",
      {},
      { path: "/gateway/room/action/visit?rvt-method=get&rvt-key=x" },
      "404 actor.not_found",
    ],
    [
      "an unknown namespace",
      {},
      { path: "/gateway/room/action/visit?rvt-method=get&rvt-namespace=x" },
      "404 namespace.unknown",
    ],
    [
      "an unknown method",
      {},
      { path: "/gateway/room/action/visit?rvt-method=take" },
      "400 gateway.malformed_path",
    ],
    [
      "input that is no CBOR",
      {},
      { path: `/gateway/room/action/visit?${query}&rvt-input=_w` },
      "400 message.malformed_cbor",
    ],
    ["an unknown path of an actor", {}, { path: "/gateway/room/action/a/b" }, "404 gateway.not_found"],
  ];
  for (const [name, body, init, expected] of cases) {
    test(`${name} is refused`, async () => {
      const response = await call("echo", body, init);
      assert.equal(await refusal(response), expected);
    });
  }

  test("a refusal in CBOR and BARE is in that encoding", async () => {
    for (const [encoding, body] of [
      ["cbor", bytes(0xff)],
      ["bare", bytes(4, 0, 0xff, 0xff, 0xff, 0xff, 0x0f)],
      ["bare", bytes(9, 0)],
    ] as const) {
      const response = await call("echo", body, { encoding });
      assert.equal(response.status, 400);
      assert.equal(response.headers.get("content-type"), "application/octet-stream");
      assert.match(
        Buffer.from(await response.arrayBuffer()).toString("latin1"),
        /message.*(malformed_cbor|malformed_bare|unsupported_version)/s,
      );
    }
  });

  test("a wrong method and a missing upgrade are refused", async () => {
    const read = await fetch(`${server.url}/gateway/room/action/visit?${query}`);
    assert.equal(await refusal(read), "405 gateway.method_not_allowed");
    const connect = await fetch(`${server.url}/gateway/room/connect?${query}`);
    assert.equal(((await connect.json()) as { code: string }).code, "upgrade_required");
    const list = await fetch(`${server.url}/actors?namespace=default`, { method: "PUT", body: "[]" });
    assert.equal(await refusal(list), "400 message.malformed_request");
  });
});

describe("connections of rivetkit clients", () => {
  const open = (path: string, protocols: readonly string[] = ["rivet", "rivet_encoding.json"]): WebSocket =>
    new WebSocket(`${server.url.replace("http", "ws")}${path}`, [...protocols]);
  const connectPath = `/gateway/room/connect?${query}&rvt-key=sockets`;

  async function closed(socket: WebSocket, messages: string[] = []): Promise<string> {
    socket.on("message", (data: Buffer) => messages.push(data.toString()));
    const [code, reason] = (await once(socket, "close")) as [number, Buffer];
    return `${code} ${reason}`;
  }

  test("speak JSON frames by hand", async () => {
    const socket = open(connectPath);
    const messages: unknown[] = [];
    const six = new Promise<void>((resolve) => {
      socket.on("message", (data: Buffer) => {
        messages.push(JSON.parse(data.toString()));
        if (messages.length === 4) resolve();
      });
    });
    await once(socket, "open");
    assert.equal(socket.protocol, "rivet");
    const send = (tag: string, val: object): void => socket.send(JSON.stringify({ body: { tag, val } }));
    send("SubscriptionRequest", { eventName: "visited", subscribe: true });
    send("ActionRequest", { id: ["$BigInt", "7"], name: "visit", args: [] });
    send("ActionRequest", { id: 8, name: "echo", args: "one" });
    await six;
    const bodies = messages.map(
      (each) => (each as { body: { tag: string; val: Record<string, unknown> } }).body,
    );
    assert.deepEqual(new Set(bodies.map(({ tag }) => tag)), new Set(["Init", "Event", "ActionResponse"]));
    assert.deepEqual(bodies.find(({ tag }) => tag === "Event")?.val, { name: "visited", args: [1] });
    assert.deepEqual(bodies.at(-1)?.val, { id: ["$BigInt", "8"], output: "one" });
    socket.close();
  });

  const refused: readonly (readonly [string, string, readonly string[] | undefined, string])[] = [
    ["an unknown actor", "/gateway/0190/connect", undefined, "1008 actor.not_found"],
    [
      "an unknown encoding",
      connectPath,
      ["rivet", "rivet_encoding.xml"],
      "1008 actor.unsupported_websocket_encoding",
    ],
    [
      "parameters that are no JSON",
      connectPath,
      ["rivet", "rivet_conn_params.%7B"],
      "1008 message.malformed_params",
    ],
    [
      "parameters that are no text",
      connectPath,
      ["rivet", "rivet_conn_params.%ff"],
      "1008 message.malformed_params",
    ],
    ["a malformed address", "/gateway/room/connect?rvt-method=x", undefined, "1008 gateway.malformed_path"],
    ["a raw socket of no actor", "/gateway/0190/websocket/x", undefined, "1008 actor.not_found"],
    [
      "an actor in a header of no actor",
      "/connect",
      ["rivet", "rivet_target.actor"],
      "1008 gateway.not_found",
    ],
  ];
  for (const [name, path, protocols, expected] of refused) {
    test(`${name} is a close with its reason`, async () => {
      const messages: string[] = [];
      assert.equal(await closed(open(path, protocols), messages), expected);
      const isRaw = path.includes("/websocket/");
      assert.equal(messages.length, isRaw ? 0 : 1);
      if (!isRaw) assert.match(messages[0] ?? "", new RegExp(`"code":"${expected.split(".").at(-1)}"`));
    });
  }

  const frames: readonly (readonly [string, string, string | Uint8Array, string])[] = [
    ["text that is no JSON", "json", "{", "1008 message.malformed_json"],
    ["a frame of no kind", "json", '{"body":{"tag":"Ping","val":{}}}', "1008 message.malformed_frame"],
    [
      "a call without a number",
      "json",
      '{"body":{"tag":"ActionRequest","val":{"name":"x"}}}',
      "1008 message.malformed_frame",
    ],
    [
      "a number that is too large",
      "json",
      '{"body":{"tag":"ActionRequest","val":{"id":["$BigInt","18446744073709551615"],"name":"x","args":[]}}}',
      "1008 message.malformed_frame",
    ],
    ["binary in JSON", "json", Uint8Array.of(1), "1008 message.malformed_frame"],
    ["text in BARE", "bare", "x", "1008 message.malformed_frame"],
    ["an unknown version", "bare", Uint8Array.of(9, 0, 0), "1008 message.unsupported_version"],
    [
      "an absurd length",
      "bare",
      Uint8Array.of(4, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f),
      "1008 message.malformed_bare",
    ],
    ["CBOR that is cut off", "cbor", Uint8Array.of(0xa1, 0x64), "1008 message.malformed_cbor"],
    ["a message that is too long", "json", "x".repeat(100_000), "1008 message.incoming_too_long"],
    ["a message that is far too long", "json", "x".repeat(200_000), "1009 "],
  ];
  for (const [name, encoding, frame, expected] of frames) {
    test(`${name} closes the connection`, async () => {
      const socket = open(connectPath, ["rivet", `rivet_encoding.${encoding}`]);
      const end = closed(socket);
      await once(socket, "open");
      socket.send(frame);
      assert.equal(await end, expected);
    });
  }

  test("raw sockets offer subprotocols of their own", async () => {
    const socket = open(`/gateway/room/websocket/x?${query}`, ["chat.v1"]);
    const [hello] = (await once(socket, "message")) as [Buffer];
    assert.deepEqual([hello.toString(), socket.protocol], ["hello", "chat.v1"]);
    socket.close();
  });
});

test("a server that does not serve these clients has none of their paths", async (t) => {
  const plain = storedRegistry({ room }, temporaryDirectory(t));
  t.after(() => plain.shutdown());
  const { url } = await plain.listen({ port: 0 });
  const response = await fetch(`${url}/gateway/room/action/visit?${query}`, { method: "POST", body: "{}" });
  assert.deepEqual([response.status, ((await response.json()) as { code: string }).code], [404, "not_found"]);
  const socket = new WebSocket(`${url.replace("http", "ws")}/gateway/room/connect?${query}`, ["rivet"]);
  socket.on("error", () => undefined);
  const code = await new Promise((resolve) => socket.once("close", resolve));
  assert.notEqual(code, 1000);
});

test("a handler at any mount path serves them, too", async () => {
  const ask = (path: string): Promise<Response> =>
    registry.handler(
      new Request(`http://x/api/rivet${path}`, { method: "POST", body: '{"args":["mounted"]}' }),
    );
  const response = await ask(`/gateway/room/action/echo?${query}`);
  assert.deepEqual([response.status, await response.json()], [200, { output: "mounted" }]);
  const input = await ask(`/gateway/room/action/echo?${query}&rvt-key=new&rvt-input=oA`);
  assert.deepEqual(await input.json(), { output: "mounted" });
});
