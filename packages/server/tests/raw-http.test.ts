import assert from "node:assert/strict";
import { createServer, request as httpRequest } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { Readable } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import {
  brotliCompressSync,
  constants,
  createGzip,
  deflateSync,
  gzipSync,
  zstdCompressSync,
} from "node:zlib";
import { actor } from "@holdfast/actors";
import { isErrorCode, systemPorts } from "@holdfast/core";
import { createMemoryStore } from "@holdfast/test-kit/memory-store";
import { rawActors } from "@holdfast/testing/actors";
import { actorsOf } from "@holdfast/testing/backends";
import { createRegistry, type Registry } from "../src/index.ts";
import { Condition, serve, shareServer } from "./support.ts";

const served = shareServer(rawActors);

/** The bytes of one raw HTTP exchange, until the server ends it. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    let answer = "";
    socket.on("data", (chunk: Buffer) => {
      answer += chunk.toString("latin1");
    });
    socket.on("end", () => resolve(answer));
    socket.on("error", reject);
  });
}

/** A server whose answers are compressed, with and without their length before them. */
async function compressing(t: TestContext): Promise<string> {
  const upstream = createServer((request, response) => {
    const body = gzipSync("hello ".repeat(1_000));
    const length = request.url === "/known" ? { "content-length": body.length } : {};
    response.writeHead(200, { "content-encoding": "gzip", "x-kind": "compressed", ...length });
    response.end(body);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  t.after(() => upstream.close());
  return `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
}

test("an application beside the registry hands on what it has fetched as it was decoded to", async (t) => {
  const upstream = await compressing(t);
  const registry = createRegistry({
    use: rawActors,
    store: () => createMemoryStore({ ports: systemPorts() }),
  });
  t.after(() => registry.shutdown());
  const application = { fetch: (request: Request) => fetch(`${upstream}${new URL(request.url).pathname}`) };
  const { url } = await registry.listen({ port: 0, application });
  for (const path of ["/known", "/unknown"]) {
    const response = await fetch(`${url}${path}`);
    assert.deepEqual(
      ["content-encoding", "content-length", "x-kind"].map((name) => response.headers.get(name)),
      [null, null, "compressed"],
    );
    assert.equal(await response.text(), "hello ".repeat(1_000));
  }
});

describe("raw HTTP", () => {
  for (const where of ["over the network", "in the process"] as const) {
    test(`an answer of fetch that was compressed is handed on as it is now, ${where}`, async (t) => {
      const upstream = await compressing(t);
      const proxy = actor({
        onRequest: (c, request) => {
          const { pathname } = new URL(request.url);
          return pathname === "/own"
            ? new Response(gzipSync("hello"), { headers: { "content-encoding": "gzip" } })
            : c.fetch(`${upstream}${pathname}`);
        },
      });
      const { client, registry } = await serve(t, { proxy });
      const handle = (where === "in the process" ? registry.client : client()).proxy.getOrCreate("a");
      for (const path of ["/known", "/unknown"]) {
        const response = await handle.fetch(path);
        assert.deepEqual(
          ["content-encoding", "content-length", "x-kind"].map((name) => response.headers.get(name)),
          [null, null, "compressed"],
        );
        assert.equal(await response.text(), "hello ".repeat(1_000));
      }
      const own = await handle.fetch("/own");
      assert.equal(own.headers.get("content-encoding"), "gzip");
      assert.equal(await own.text(), "hello");
    });

    test(`a reader that leaves a compressed answer ends it, ${where}`, async (t) => {
      const left = Promise.withResolvers<void>();
      const pieces = actor({
        onRequest: () => {
          const gzip = createGzip({ flush: constants.Z_SYNC_FLUSH });
          gzip.write("first");
          gzip.on("close", left.resolve);
          const body = Readable.toWeb(gzip) as ReadableStream<Uint8Array<ArrayBuffer>>;
          return new Response(body, { headers: { "content-encoding": "gzip" } });
        },
      });
      const { client, registry } = await serve(t, { pieces });
      const response = await (where === "in the process" ? registry.client : client()).pieces
        .getOrCreate("a")
        .fetch("/");
      const reader = response.body?.getReader();
      assert.equal(new TextDecoder().decode((await reader?.read())?.value), "first");
      await reader?.cancel();
      await left.promise;
    });

    test(`what an actor has compressed is decoded for its caller, ${where}`, async (t) => {
      const text = "hello ".repeat(20_000);
      const bodies: Readonly<Record<string, Buffer>> = {
        gzip: gzipSync(text),
        "x-gzip": gzipSync(text),
        deflate: deflateSync(text),
        br: brotliCompressSync(text),
        zstd: zstdCompressSync(text),
        "gzip, br": brotliCompressSync(gzipSync(text)),
      };
      const packer = actor({
        onRequest: (_c, request) => {
          const coding = decodeURIComponent(new URL(request.url).pathname.slice(1));
          const headers = { "content-encoding": coding };
          if (coding === "damaged") headers["content-encoding"] = "gzip";
          return new Response(bodies[coding] ?? "plain", { headers });
        },
      });
      const relay = actor({
        onRequest: (c, request) =>
          c
            .client<Registry<{ packer: typeof packer }>>()
            .packer.getOrCreate("a")
            .fetch(new URL(request.url).pathname),
      });
      const { client, registry } = await serve(t, { packer, relay });
      const { packer: near, relay: relays } = where === "in the process" ? registry.client : client();
      for (const handle of [near.getOrCreate("a"), relays.getOrCreate("a")]) {
        for (const coding of Object.keys(bodies)) {
          assert.equal(await (await handle.fetch(encodeURIComponent(coding))).text(), text, coding);
        }
        assert.equal(await (await handle.fetch("unheard-of")).text(), "plain");
        assert.equal((await handle.fetch("gzip", { method: "HEAD" })).body, null);
      }
      await assert.rejects((await near.getOrCreate("a").fetch("damaged")).text());
    });
  }

  for (const where of ["over the network", "in the process"] as const) {
    test(`method, path, query, headers and parameters arrive, ${where}`, async (t) => {
      const { client, registry } = await served(t);
      const mirror = (where === "in the process" ? registry.client : client()).mirror.getOrCreate("a", {
        params: { user: "ann" },
      });
      const response = await mirror.fetch("describe?a=1&a=%2C&b=x+y", {
        method: "PATCH",
        headers: { "X-Custom": "One" },
        body: "x",
      });
      const shown = (await response.json()) as Record<string, unknown>;
      assert.equal(shown["method"], "PATCH");
      assert.equal(shown["path"], "/describe");
      assert.equal(shown["search"], "?a=1&a=%2C&b=x+y");
      assert.equal(shown["conn"], true);
      assert.equal(shown["same"], true);
      assert.deepEqual(shown["params"], { user: "ann" });
      const headers = new Map(shown["headers"] as [string, string][]);
      assert.equal(headers.get("x-custom"), "One");
      const whole = await mirror.fetch(new URL("http://elsewhere.example/x/y?q=1"));
      assert.equal(await whole.text(), "GET /x/y?q=1");
      const forward = new Request("https://elsewhere.example/any?q=1", {
        method: "POST",
        headers: { "x-first": "1", "x-both": "1" },
        body: "as init",
      });
      assert.equal(await (await mirror.fetch("/echo", forward as RequestInit)).text(), "as init");
      const named = new Request("https://elsewhere.example/describe", {
        headers: { "x-first": "1", "x-both": "1" },
      });
      const merged = (await (
        await mirror.fetch(named, { headers: { "x-both": "2" } })
      ).json()) as typeof shown;
      assert.equal(merged["origin"], "https://elsewhere.example");
      const both = new Map(merged["headers"] as [string, string][]);
      assert.deepEqual([both.get("x-first"), both.get("x-both")], ["1", "2"]);
      assert.equal(both.has("x-holdfast-request-origin"), false);
      const head = await mirror.fetch("/describe", { method: "HEAD" });
      assert.equal(head.status, 200);
      assert.equal(head.headers.get("content-type"), "application/json");
      assert.equal(await head.text(), "");
      const built = await mirror.fetch(new Request("http://actor/echo", { method: "POST", body: "hello" }));
      assert.equal(await built.text(), "hello");
      assert.equal(await (await mirror.fetch("")).text(), "GET /");
      assert.equal(
        await (await mirror.fetch("../../../other/@x,/actions/y")).text(),
        "GET /other/@x,/actions/y",
      );
    });

    test(`status, its text, repeated headers, HEAD and 204 come back, ${where}`, async (t) => {
      const { client, registry } = await served(t);
      const mirror = (where === "in the process" ? registry.client : client()).mirror.getOrCreate("a");
      const cookies = await mirror.fetch("/cookies");
      assert.equal(cookies.status, 201);
      assert.equal(cookies.statusText, "Made It");
      assert.deepEqual(cookies.headers.getSetCookie(), ["a=1", "b=2"]);
      const empty = await mirror.fetch("/empty");
      assert.equal(empty.status, 204);
      assert.equal(await empty.text(), "");
      assert.equal(
        (await mirror.fetch("/redirect", { redirect: "manual" })).headers.get("location"),
        "/elsewhere",
      );
    });

    test(`answers that send on are followed as fetch does it, ${where}`, async (t) => {
      const { client, registry, url } = await served(t);
      const mirror = (where === "in the process" ? registry.client : client()).mirror.getOrCreate("a");
      const there = `${await mirror.getGatewayUrl()}/request`;
      const plain = await mirror.fetch("/plain?a=1");
      assert.deepEqual([plain.url, plain.redirected], [`${there}/plain?a=1`, false]);
      const on = (to: string, init?: RequestInit, status = 302): Promise<Response> =>
        mirror.fetch(`/sent-on?status=${status}&to=${encodeURIComponent(to)}`, init);
      const relative = await on("plain?b=2");
      assert.deepEqual([relative.url, relative.redirected], [`${there}/plain?b=2`, true]);
      assert.equal(await relative.text(), "GET /plain?b=2");
      const post = { method: "POST", body: "text" };
      assert.equal(await (await on("plain", post, 303)).text(), "GET /plain");
      const kept = await on(`${there}/echo`, post, 307);
      assert.equal(await kept.text(), "text");
      const elsewhere = await on("/health");
      assert.deepEqual([elsewhere.url, elsewhere.redirected, elsewhere.ok], [`${url}/health`, true, true]);
      const manual = await on("plain", { redirect: "manual" });
      assert.deepEqual([manual.status, manual.headers.get("location")], [302, "plain"]);
      for (const failing of [
        () => on("plain", { redirect: "error" }),
        () => on(`${there}/sent-on`),
        () => on("http://127.0.0.1:1/"),
        () => on("plain", { method: "POST", body: new Blob(["x"]).stream() }, 308),
      ]) {
        await assert.rejects(failing(), (error) => isErrorCode(error, "client", "network_error"));
      }
    });

    test(`errors are answers, ${where}`, async (t) => {
      const { client, registry } = await served(t);
      const actors = where === "in the process" ? registry.client : client();
      const expected = [
        [actors.mirror.getOrCreate("a").fetch("/user-error"), 400, "user", "refused"],
        [actors.mirror.getOrCreate("a").fetch("/crash"), 500, "internal", "internal_error"],
        [actors.broken.getOrCreate("a").fetch("/"), 500, "actor", "invalid_response"],
        [actors.broken.getOrCreate("a").fetch("/text"), 500, "actor", "invalid_response"],
        [actors.plain.getOrCreate("a").fetch("/"), 404, "actor", "request_not_defined"],
        [actors.mirror.get("nobody").fetch("/"), 404, "actor", "not_found"],
        [actors.mirror.getForId("~victim,").fetch("/"), 404, "actor", "not_found"],
      ] as const;
      for (const [asked, status, group, code] of expected) {
        const response = await asked;
        const problem = (await response.json()) as Record<string, unknown>;
        assert.deepEqual(
          [response.status, problem["group"], problem["code"]],
          [status, group, code],
          `${group}.${code}`,
        );
        assert.equal(response.headers.get("x-holdfast-error"), `${group}.${code}`);
        assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
      }
      assert.equal(await actors.plain.getOrCreate("a").here(), true);
    });
  }

  test("the four keys are four actors, in every kind of URL", async (t) => {
    const { client } = await served(t);
    const keys = [["a,b"], ["a", "b"], [""], []] as const;
    for (const [index, key] of keys.entries()) {
      const handle = client().mirror.getOrCreate(key);
      for (let i = 0; i <= index; i++) await handle.fetch("/");
      const url = await handle.getGatewayUrl();
      assert.equal((await fetch(`${url}/request/x`)).status, 200);
    }
    for (const [index, key] of keys.entries()) {
      assert.equal(await client().mirror.get(key).requests(), index + 2, JSON.stringify(key));
    }
  });

  test("a gateway URL makes the actor of a get-or-create handle, and not that of a get handle", async (t) => {
    const { client } = await served(t);
    const made = await client().mirror.getOrCreate("made").getGatewayUrl();
    assert.equal(await (await fetch(`${made}/request/x?create=false`)).text(), "GET /x?create=false");
    const absent = await client().mirror.get("absent").getGatewayUrl();
    assert.equal((await fetch(`${absent}/request/x`)).status, 404);
  });

  test("what a caller calls the server is an origin and no more", async (t) => {
    const { client } = await served(t);
    const url = await client().mirror.getOrCreate("a").getGatewayUrl();
    const here = new URL(url).origin;
    const cases = [
      ["https://shop.example", "https://shop.example"],
      ["https://shop.example/admin", here],
      ["https://shop.example?", here],
      ["file:///etc", here],
      ["shop.example", here],
    ];
    for (const [named, seen] of cases) {
      const headers = { "x-holdfast-request-origin": named ?? "" };
      const answer = await fetch(`${url}/request/describe`, { headers });
      const shown = (await answer.json()) as Record<string, unknown>;
      assert.deepEqual([named, shown["origin"], shown["path"]], [named, seen, "/describe"]);
    }
  });

  test("a path cannot leave its actor or name another host", async (t) => {
    const { listening, client } = await served(t);
    await client().mirror.getOrCreate("a").resolve();
    const head = "Host: 127.0.0.1\r\nConnection: close\r\n\r\n";
    const base = "/actors/mirror/@a,/request";
    for (const [path, shown] of [
      ["//evil.example/x", "//evil.example/x"],
      ["/../../../x", "/x"],
      ["/%2e%2e/x", "/x"],
      ["/a?next=//b&c=%00", "/a?next=//b&c=%00"],
    ] as const) {
      const answer = await exchange(listening.port, `GET ${base}${path} HTTP/1.1\r\n${head}`);
      assert.ok(answer.includes(`GET ${shown}`), `${path}: ${answer}`);
    }
    const trace = await exchange(listening.port, `TRACE ${base}/x HTTP/1.1\r\n${head}`);
    assert.match(trace, /^HTTP\/1\.1 405 /);
    const custom = await exchange(listening.port, `PROPFIND ${base}/x HTTP/1.1\r\n${head}`);
    assert.match(custom, /PROPFIND \/x/);
    const options = await exchange(listening.port, `OPTIONS ${base}/x HTTP/1.1\r\n${head}`);
    assert.match(options, /^HTTP\/1\.1 204 /);
    const headOnly = await exchange(listening.port, `HEAD ${base}/cookies HTTP/1.1\r\n${head}`);
    assert.match(headOnly, /^HTTP\/1\.1 201 Made It\r\n/);
    assert.ok(headOnly.endsWith("\r\n\r\n"));
  });

  test("bodies up to the limit arrive whole; one byte more is refused, declared or not", async (t) => {
    const { client, url } = await serve(t, rawActors, { gateway: { maxRequestBodyBytes: 1_000_000 } });
    const mirror = client().mirror.getOrCreate("a");
    const send = (size: number): Promise<Response> =>
      mirror.fetch("/size", { method: "POST", body: new Uint8Array(size) });
    for (const size of [999_999, 1_000_000])
      assert.deepEqual(await (await send(size)).json(), { bytes: size });
    const refused = await send(1_000_001);
    assert.equal(refused.status, 413);
    const streamed = await fetch(`${url}/actors/mirror/@a,/request/size`, {
      method: "POST",
      body: new Blob([new Uint8Array(1_000_001)]).stream(),
      duplex: "half",
    });
    assert.equal(streamed.status, 413);
    assert.equal(((await streamed.json()) as { code: string }).code, "incoming_too_long");
    assert.deepEqual(await (await send(10)).json(), { bytes: 10 });
  });

  test("a body of 20 MiB goes there and back unchanged", async (t) => {
    const { client } = await served(t);
    const bytes = new Uint8Array(20 * 1_048_576);
    for (let i = 0; i < bytes.length; i += 4_099) bytes[i] = i % 251;
    const mirror = client().mirror.getOrCreate("a");
    const response = await mirror.fetch("/echo", { method: "POST", body: bytes });
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes));
  });

  test("bodies stream both ways at once", async (t) => {
    const upper = actor({
      onRequest: (_c, request) => {
        const body = request.body;
        if (body === null) return new Response("nothing", { status: 400 });
        const out = body.pipeThrough(
          new TransformStream<Uint8Array, Uint8Array>({
            transform: (chunk, controller) =>
              controller.enqueue(Buffer.from(Buffer.from(chunk).toString().toUpperCase())),
          }),
        );
        return new Response(out);
      },
    });
    const { listening } = await serve(t, { upper });
    const path = "/actors/upper/~a,/request/";
    const request = httpRequest({ port: listening.port, host: "127.0.0.1", method: "POST", path });
    const answered = new Promise<AsyncIterator<Buffer>>((resolve, reject) => {
      request.on("response", (response) => resolve(response[Symbol.asyncIterator]()));
      request.on("error", reject);
    });
    request.write("one");
    const answer = await answered;
    assert.equal(String((await answer.next()).value), "ONE", "before the request has ended");
    request.write("two");
    assert.equal(String((await answer.next()).value), "TWO");
    request.end();
    assert.equal((await answer.next()).done, true);
  });

  test("chunks that are there at once, and those that come later, arrive in order and to the end", async (t) => {
    const parts = actor({
      onRequest: (_c, request) => {
        const left = [..."abcdefgh"];
        const slow = request.url.endsWith("/slow");
        return new Response(
          new ReadableStream({
            pull: async (controller) => {
              if (slow) await new Promise((resolve) => setImmediate(resolve));
              const part = left.shift();
              if (part === undefined) controller.close();
              else controller.enqueue(new TextEncoder().encode(part));
            },
          }),
        );
      },
    });
    const { client } = await serve(t, { parts });
    const handle = client().parts.getOrCreate("a");
    for (const path of ["/quick", "/slow", "/quick", "/slow"]) {
      assert.equal(await (await handle.fetch(path)).text(), "abcdefgh", path);
    }
  });

  test("a reader that stops reading stops the actor's stream", async (t) => {
    let produced = 0;
    const done = new Condition();
    const source = actor({
      onRequest: (c) => {
        const body = new ReadableStream<Uint8Array>(
          {
            pull: (controller) => {
              produced += 1;
              controller.enqueue(new Uint8Array(65_536));
              done.changed();
            },
          },
          { highWaterMark: 0 },
        );
        c.abortSignal.addEventListener("abort", () => {
          aborted = true;
          done.changed();
        });
        return new Response(body);
      },
    });
    let aborted = false;
    const { listening, registry } = await serve(t, { source });
    const socket = connect(listening.port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.pause();
    socket.write("GET /actors/source/~a,/request/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    await done.until(() => produced > 10);
    // Kernel buffers take some megabytes; an endless stream would go on past any number.
    let before = -1;
    while (before !== produced) {
      before = produced;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(produced < 1_000, `${produced} chunks`);
    socket.destroy();
    await done.until(() => aborted);
    assert.equal((await actorsOf(registry)).size, 1);
  });

  test("a client that vanishes aborts c.abortSignal, before and after the answer began", async (t) => {
    const told = new Condition();
    const aborted: string[] = [];
    const slow = actor({
      onRequest: (c, request) => {
        const { pathname } = new URL(request.url);
        c.abortSignal.addEventListener("abort", () => {
          aborted.push(pathname);
          told.changed();
        });
        started.push(pathname);
        told.changed();
        return pathname === "/never"
          ? new Promise<Response>((resolve) => {
              c.abortSignal.addEventListener("abort", () => resolve(new Response("late")));
            })
          : new Response(new ReadableStream({ start: (c) => c.enqueue(new Uint8Array(1)) }));
      },
      actions: { conns: (c) => [...c.conns.keys()].filter((id) => id !== c.conn.id).length },
    });
    const started: string[] = [];
    const { client } = await serve(t, { slow });
    const handle = client().slow.getOrCreate("a");
    const early = new AbortController();
    const waiting = handle.fetch("/never", { signal: early.signal });
    await told.until(() => started.includes("/never"));
    early.abort();
    await assert.rejects(waiting, { name: "AbortError" });
    await told.until(() => aborted.includes("/never"));
    const late = new AbortController();
    const response = await handle.fetch("/stream", { signal: late.signal });
    const reader = response.body?.getReader();
    assert.equal((await reader?.read())?.value?.length, 1);
    late.abort();
    await told.until(() => aborted.includes("/stream"));
    assert.equal(await handle.conns(), 0);
  });

  test("a stream that fails, or is not as long as it says, ends the connection", async (t) => {
    const faulty = actor({
      onRequest: (_c, request) => {
        const short = new URL(request.url).pathname === "/short";
        if (short) return new Response("abc", { headers: { "content-length": "10" } });
        return new Response(
          new ReadableStream({
            pull: (controller) => {
              if (sent) controller.error(new Error("the password is hunter2"));
              else controller.enqueue(new Uint8Array([65]));
              sent = true;
            },
          }),
        );
      },
    });
    let sent = false;
    const { client } = await serve(t, { faulty });
    const handle = client().faulty.getOrCreate("a");
    await assert.rejects((await handle.fetch("/fails")).text());
    await assert.rejects((await handle.fetch("/short")).text());
  });

  test("CORS: listed origins get a preflight for any method and header, others get none", async (t) => {
    const { url } = await serve(t, rawActors, { gateway: { origins: ["https://app.example.com"] } });
    const path = `${url}/actors/mirror/~a,/request/x`;
    const preflight = (origin: string): Promise<Response> =>
      fetch(path, {
        method: "OPTIONS",
        headers: {
          origin,
          "access-control-request-method": "PROPFIND",
          "access-control-request-headers": "x-one, x-two",
        },
      });
    const allowed = await preflight("https://app.example.com");
    assert.equal(allowed.status, 204);
    assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example.com");
    assert.equal(allowed.headers.get("access-control-allow-methods"), "PROPFIND");
    assert.equal(allowed.headers.get("access-control-allow-headers"), "x-one, x-two");
    assert.equal(allowed.headers.get("access-control-allow-credentials"), null);
    assert.equal((await preflight("https://evil.example")).status, 403);
    assert.equal((await preflight("http://localhost:5173")).status, 403);
    const loopback = await serve(t, rawActors, { gateway: { loopbackOrigins: true, credentials: true } });
    const answer = await fetch(`${loopback.url}/actors/mirror/~a,/request/x`, {
      headers: { origin: "http://localhost:5173" },
    });
    assert.equal(answer.headers.get("access-control-allow-origin"), "http://localhost:5173");
    assert.equal(answer.headers.get("access-control-allow-credentials"), "true");
    for (const origin of ["http://localhost.evil.example", "http://127.0.0.1@evil.example", "null"]) {
      const refused = await fetch(`${loopback.url}/actors/mirror/~a,/request/x`, { headers: { origin } });
      assert.equal(refused.status, 403, origin);
    }
  });
});
