/** Which fields of a request and of an answer pass the egress proxy, and which framing it refuses. */
import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import type { EgressAllowRule } from "@holdfast/gate";
import { checkPath, checkUpstreams, matchRule } from "../src/egress/decisions/upstreams.ts";
import {
  forwardedRequestHeaders,
  forwardedResponseHeaders,
  framingFault,
} from "../src/egress/proxy/http-headers.ts";
import { ask, codeOf, key, ok, openProxy, raw } from "./egress-support.ts";
import { openGate, startUpstream } from "./support.ts";

/** Every name that must not pass, written down a second time. */
const never = {
  connection: [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
  ],
  proxies: [
    "proxy-authenticate",
    "proxy-authorization",
    "forwarded",
    "via",
    "cf-connecting-ip",
    "true-client-ip",
    "x-client-ip",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
    "x-forwarded-user",
    "x-real-ip",
    "x-remote-user",
  ],
  overrides: [
    "destination",
    "http2-settings",
    "x-forwarded-method",
    "x-forwarded-path",
    "x-forwarded-server",
    "x-forwarded-uri",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-host",
    "x-original-method",
    "x-original-uri",
    "x-original-url",
    "x-rewrite-url",
  ],
  credentials: [
    "api-key",
    "api-token",
    "apikey",
    "authorization",
    "chatgpt-account-id",
    "cookie",
    "deploy-token",
    "job-token",
    "ocp-apim-subscription-key",
    "private-token",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-api-token",
    "x-apikey",
    "x-auth-token",
    "x-authorization",
    "x-goog-api-key",
  ],
  ofAnswers: ["alt-svc", "content-length", "set-cookie", "strict-transport-security", "location"],
};

const headers = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, "x"]));

describe("the fields of", () => {
  test("a request: none by which it could present a credential or be somebody else", () => {
    const names = [...never.connection, ...never.proxies, ...never.overrides, ...never.credentials];
    for (const credential of [true, false]) {
      for (const name of names) {
        const kept = forwardedRequestHeaders({ [name]: "x", "x-kept": "1" }, { credential });
        assert.deepEqual(kept, { "x-kept": "1" }, name);
      }
    }
    for (const name of ["x_api_key", "x.original.url", "proxy_authorization", "transfer_encoding", "cookie_"])
      assert.deepEqual(
        forwardedRequestHeaders({ [name]: "x" }, { credential: false }),
        name === "cookie_" ? { cookie_: "x" } : {},
        name,
      );
    const own = { connection: "X-Mine, close", "x-mine": "1", "x-other": "2" };
    const named = forwardedRequestHeaders(own, { credential: false });
    assert.deepEqual(named, { "x-other": "2" }, "what the request itself calls its connection's own");
  });

  test("a request: none of the families of such names, and what clients of models send nevertheless", () => {
    const families = [
      ...["x-forwarded-email", "x-forwarded-groups", "x-forwarded-scheme", "x-forwarded", "forwarded-for"],
      ...["x-cluster-client-ip", "client-ip", "x-remote-addr", "x-originating-ip", "x-envoy-original-path"],
      ...["remote-user", "x-webauth-user", "x-auth-request-user", "x-goog-authenticated-user-email"],
      ...["sudo", "impersonate-user", "impersonate-extra-scopes", "x-redmine-switch-user"],
      ...["http-method-override", "x-method", "x-override-url", "x-http-host-override", "x-host-override"],
      ...["x-vault-token", "x-gitlab-token", "circle-token", "dd-api-key", "x-shopify-access-token"],
      ...["x-goog-iap-jwt-assertion", "cf-access-client-secret", "cf-access-client-id", "cookie2", "dpop"],
      ...["x_remote_user", "x-some-password", "x-ms-client-principal", "x-amzn-oidc-data"],
    ];
    for (const name of families)
      assert.deepEqual(forwardedRequestHeaders({ [name]: "x" }, { credential: true }), {}, name);
    assert.deepEqual(forwardedRequestHeaders({ "x-vault-token": "x" }, { credential: false }), {
      "x-vault-token": "x",
    });
    const kept = [
      ...["anthropic-version", "anthropic-beta", "openai-organization", "openai-beta", "idempotency-key"],
      ...["x-stainless-retry-count", "x-stainless-lang", "x-goog-api-client", "http-referer", "x-title"],
      ...["git-protocol", "npm-command", "pacote-integrity", "content-type", "user-agent", "accept", "x-app"],
    ];
    assert.deepEqual(
      Object.keys(forwardedRequestHeaders(headers(kept), { credential: true })).toSorted(),
      kept.toSorted(),
    );
  });

  test("a request with a credential: none by which a key would come back in parts", async (t) => {
    for (const name of ["if-range", "range", "request-range"]) {
      assert.deepEqual(forwardedRequestHeaders({ [name]: "x" }, { credential: true }), {}, name);
      assert.deepEqual(forwardedRequestHeaders({ [name]: "x" }, { credential: false }), { [name]: "x" });
    }
    const upstream = await startUpstream(t, ({ headers: { range, "x-api-key": shown } }) => {
      const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
      const whole = `the key is ${String(shown)}`;
      if (from === undefined) return { chunks: [whole] };
      return { status: 206, chunks: [whole.slice(Number(from), to === "" ? undefined : Number(to) + 1)] };
    });
    const { proxy } = await openProxy(t, { baseUrl: upstream.url });
    const part = async (range: string) =>
      (await ask(proxy, "POST", "/model/v1/messages", { headers: { range, "if-range": '"a"' } })).body;
    const parts = (await part("bytes=0-20")) + (await part("bytes=21-"));
    assert.ok(!parts.includes(key), parts);
    const { proxy: open } = await openProxy(t, { baseUrl: upstream.url, credential: { kind: "none" } });
    const { status, body } = await ask(open, "POST", "/model/v1/messages", {
      headers: { range: "bytes=4-6" },
    });
    assert.deepEqual([status, body], [206, "key"], "where no key is shown, parts are to be had");
  });

  test("an answer: none of a connection, a proxy or an origin", () => {
    const names = [...never.connection, "proxy-authenticate", ...never.ofAnswers];
    assert.deepEqual(forwardedResponseHeaders({ ...headers(names), "content-type": "text/plain" }), {
      "content-type": "text/plain",
    });
    for (const name of names) assert.deepEqual(forwardedResponseHeaders(headers([name])), {}, name);
  });
});

describe("the framing of a request", () => {
  const request = (rawHeaders: string[], part: Partial<IncomingMessage> = {}) => {
    const pairs = rawHeaders.flatMap((value, at) =>
      at % 2 === 0 ? [[value.toLowerCase(), rawHeaders[at + 1]]] : [],
    );
    return { rawHeaders, headers: Object.fromEntries(pairs), httpVersion: "1.1", ...part } as IncomingMessage;
  };

  test("has one meaning or is refused, also where a parser before it let it through", () => {
    assert.equal(framingFault(request(["Host", "x", "Content-Length", "12"])), undefined);
    assert.equal(framingFault(request(["Host", "x", "Transfer-Encoding", "chunked"])), undefined);
    const faults: [string[], RegExp][] = [
      [["Host", "x", "Host", "y"], /more than one host/],
      [["Content-Length", "1", "content-length", "1"], /more than one content-length/],
      [["Transfer-Encoding", "chunked", "Transfer-Encoding", "chunked"], /more than one transfer-encoding/],
      [["Connection", "a", "Connection", "b"], /more than one connection/],
      [["Expect", "a", "Expect", "b"], /more than one expect/],
      [["Content-Length", "1", "Transfer-Encoding", "chunked"], /both a length/],
      [["Content-Length", "+1"], /malformed length/],
      [["Content-Length", "0x1"], /malformed length/],
      // Octal to some.
      [["Content-Length", "012"], /malformed length/],
      [["Content-Length", "1".repeat(16)], /malformed length/],
      [["Transfer-Encoding", "gzip, chunked"], /other than chunked/],
      [["Upgrade", "websocket"], /an upgrade/],
    ];
    for (const [raws, why] of faults) assert.match(framingFault(request(raws)) ?? "", why);
    assert.match(framingFault(request([], { httpVersion: "1.0" })) ?? "", /not HTTP\/1\.1/);
  });

  test("announces no more than may be sent: the refusal does not wait for the body", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy } = await openProxy(t, { baseUrl: upstream.url }, { maxRequestBytes: 1_000 });
    const head = (length: number) =>
      `POST /model/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${length}\r\n\r\n`;
    assert.match(await raw(proxy, head(1_001)), /^HTTP\/1\.1 413 /);
    assert.equal((await ask(proxy, "POST", "/model/v1/messages", { body: "x".repeat(1_000) })).status, 200);
    assert.equal(upstream.requests.length, 1);
  });

  test("has a path and a query of visible characters", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy } = await openProxy(t, { baseUrl: upstream.url });
    for (const target of [
      "/model/v1/messages?a=\xff",
      "/model/v1/messages/\xff",
      "/model/v1/messages?a=\x7f",
    ]) {
      const answer = await raw(proxy, `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n`);
      assert.match(answer, /^HTTP\/1\.1 400 /, target);
    }
    assert.equal(upstream.requests.length, 0);
    for (const path of ["v1", "/a b", "/\x7f", "/\xff", "/ü", "/a\\b", "/<a>", "/a|b", "/%", "/%zz"])
      assert.notEqual(checkPath(path), undefined, path);
  });

  test("has a path that no server reads as one above it", async (t) => {
    const upstream = await startUpstream(t, ok);
    const { proxy } = await openProxy(t, { baseUrl: upstream.url });
    const above = [
      ...["..;", ".;", "..;a=b", "..%3b", "..%3Ba", "%20..", "..%20", "..%c2%a0"],
      ...["%c0%ae%c0%ae", "%e0%80%ae%e0%80%ae", "..%c0%af", "..%ff", "..%09", "..%01", ".%7f."],
      ...["%ef%bc%8e%ef%bc%8e", "%e2%80%a5", "..%ef%bc%8fv1", "..%ef%bc%bcv1"],
    ];
    for (const segment of above) {
      const reply = await ask(proxy, "GET", `/model/v1/models/${segment}/${segment}/admin`);
      assert.deepEqual([reply.status, codeOf(reply)], [400, "malformed_path"], segment);
    }
    assert.equal(upstream.requests.length, 0);
    for (const plain of ["...", "..a", "a..;b", ";a", "a%20b", "%e2%82%ac", "a%ef%bc%8fb", "v1;a=b"])
      assert.equal((await ask(proxy, "GET", `/model/v1/models/${plain}`)).status, 200, plain);
  });
});

test("two upstreams of one name are refused", () => {
  const one = {
    name: "model",
    baseUrl: "http://127.0.0.1:1",
    provider: "none",
    allow: [],
    credential: { kind: "none" },
  } as const;
  assert.throws(
    () => checkUpstreams([one, one]),
    (error) => isErrorCode(error, "egress", "invalid_upstream"),
  );
  assert.equal(checkUpstreams([one, { ...one, name: "other" }]).size, 2);
});

describe("a rule", () => {
  const rule = (part: Partial<EgressAllowRule>): EgressAllowRule => ({
    methods: ["GET"],
    pathPrefix: "/a",
    ...part,
  });
  const allows = (part: Partial<EgressAllowRule>, path: string, query = "", method = "GET") =>
    matchRule([rule(part)], method, path, query) !== undefined;

  test("allows its methods, its path by whole segments, and nothing beside", () => {
    assert.ok(allows({}, "/a") && allows({}, "/a/b") && allows({ pathPrefix: "/a/" }, "/a/b"));
    for (const path of ["/ab", "/", "/b/a", "/A"]) assert.equal(allows({}, path), false, path);
    assert.equal(allows({}, "/a", "", "POST"), false);
  });

  test("that is exact allows nothing below its path", () => {
    assert.ok(allows({ exact: true }, "/a"));
    assert.equal(allows({ exact: true }, "/a/b"), false);
  });

  test("that names a query allows that one, whole and written the same", () => {
    const query = { service: "git-upload-pack" };
    assert.ok(allows({ query }, "/a", "?service=git-upload-pack"));
    for (const other of [
      "",
      "?",
      "?service=git-receive-pack",
      "?service=git-upload-pack&x=1",
      "?x=1&service=git-upload-pack",
      "?service=git%2Dupload-pack",
    ]) {
      assert.equal(allows({ query }, "/a", other), false, other);
    }
    assert.ok(allows({}, "/a", "?anything=1"), "one that names none takes any");
  });

  test("that names endings allows paths that end so", () => {
    assert.ok(allows({ suffixes: [".tgz"] }, "/a/b.tgz"));
    assert.equal(allows({ suffixes: [".tgz"] }, "/a/b.tgz.sig"), false);
  });

  test("has a query that can be written in one way only", () => {
    const upstream = {
      name: "git",
      baseUrl: "http://127.0.0.1:1",
      provider: "none",
      credential: { kind: "none" },
    } as const;
    const invalid = (error: unknown) => isErrorCode(error, "egress", "invalid_upstream");
    for (const value of ["a b", "a&b", "ä", "a%2fb"]) {
      assert.throws(
        () => checkUpstreams([{ ...upstream, allow: [rule({ query: { service: value } })] }]),
        invalid,
        value,
      );
    }
    assert.equal(
      checkUpstreams([{ ...upstream, allow: [rule({ query: { service: "git-upload-pack" } })] }]).size,
      1,
    );
  });
});

test("no upstream may use the path segment of allowed hosts", async (t) => {
  const gate = await openGate(t, { jails: { driver: "none", allowUnsafe: true } });
  const upstreams = [
    { name: "web", baseUrl: "http://127.0.0.1:1", provider: "none", allow: [], credential: { kind: "none" } },
  ] as const;
  const hosts = [{ host: "example.com" }];
  const ways = { jailId: "j", session: "s", upstreams };
  await assert.rejects(gate.openEgress({ ...ways, hosts }), (error) =>
    isErrorCode(error, "egress", "invalid_upstream"),
  );
  await (await gate.openEgress(ways)).close();
});
