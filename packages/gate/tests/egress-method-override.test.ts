/** A body may ask the server for another method than the request has: it is refused as a query that does is. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { ask, codeOf, ok, openProxy, raw, type Setup } from "./egress-support.ts";
import { startUpstream } from "./support.ts";

interface Served extends Setup {
  /** The ends of the bodies that the upstream has received whole. */
  readonly received: string[];
}

async function serve(t: TestContext): Promise<Served> {
  const received: string[] = [];
  const upstream = await startUpstream(t, (_request, body) => {
    received.push(body.slice(-200));
    return ok();
  });
  const setup = await openProxy(t, {
    ...{ name: "api", baseUrl: upstream.url, provider: "none", credential: { kind: "none" } },
    allow: [
      { methods: ["POST"], pathPrefix: "/items" },
      { methods: ["POST", "DELETE"], pathPrefix: "/drafts" },
    ],
  });
  return { ...setup, received };
}

const urlencoded = "application/x-www-form-urlencoded";
const multipart = "multipart/form-data; boundary=b";

const part = (disposition: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`;

/** Larger than what is read before a request is sent. */
const padding = "x".repeat(200_000);

const asking: readonly (readonly [type: string | undefined, body: string])[] = [
  [urlencoded, "_method=DELETE"],
  [urlencoded, "title=a&_method=delete"],
  [urlencoded, "title=a;%5Fm%65thod=+D%45LETE+"],
  [`${urlencoded}; charset=utf-8`, "++_method=DELETE"],
  [urlencoded, `${"+".repeat(5_000)}_method=DELETE`],
  [urlencoded, `_method=${"+".repeat(5_000)}DELETE`],
  [urlencoded, `title=${padding}&_method=DELETE`],
  [undefined, "_method=DELETE"],
  [undefined, '{"_method":"DELETE"}'],
  [multipart, `${part('name="_method"', "DELETE")}--b--`],
  [multipart, `${part('name="title"', "a")}${part("name=_method", "put")}--b--`],
  [multipart, `${part("name*=utf-8''%5fmethod", "DELETE")}--b--`],
  [
    multipart,
    `--b\nContent-Type: text/plain\ncontent-disposition: form-data;\n name="_method"\n\nDELETE\n--b--`,
  ],
  [multipart, `${part('name="file"; filename="a"', padding)}${part('name="_method"', "DELETE")}--b--`],
  ["application/json", '{"title":{"_method":1},"_method":"DELETE"}'],
  ["application/json", '{"\\u005fmethod": "delete"}'],
  ["application/vnd.api+json", `{"title":"${padding}","list":[{"a":"}"}],"_method":"DELETE"}`],
];

const harmless: readonly (readonly [type: string | undefined, body: string])[] = [
  [urlencoded, "_method=POST"],
  [urlencoded, "method=DELETE&_methods=DELETE&title=_method%3DDELETE"],
  [urlencoded, `title=${padding}`],
  [multipart, `${part('name="method"', "DELETE")}${part('name="file"; filename="_method"', "DELETE")}--b--`],
  ["application/json", '{"title":"_method","text":{"_method":"DELETE"},"list":["_method","DELETE"]}'],
  ["application/json", '{"text":"\\"_method\\":\\"DELETE\\""}'],
  ["text/plain", "_method=DELETE"],
];

const headersOf = (type: string | undefined): Record<string, string> =>
  type === undefined ? {} : { "content-type": type };

describe("a method in a body", () => {
  test("is refused where the rules do not allow it, wherever it is in the body", async (t) => {
    const { proxy, received, decisions } = await serve(t);
    for (const [type, body] of asking) {
      const about = `${type}: ${body.slice(0, 80)}`;
      const reply = await ask(proxy, "POST", "/api/items/1", { headers: headersOf(type), body });
      assert.deepEqual([reply.status, codeOf(reply)], [403, "not_allowed"], about);
      assert.match(reply.body, /The body asks for [A-Z]+ \/items\/1, which is not allowed at api/);
      assert.equal(decisions.at(-1)?.decision, "deny", about);
    }
    assert.deepEqual(received, []);
  });

  test("goes through where the rules allow that method too", async (t) => {
    const { proxy, received } = await serve(t);
    for (const [type, body] of asking.filter(([, text]) => !text.includes("put"))) {
      const reply = await ask(proxy, "POST", "/api/drafts/1", { headers: headersOf(type), body });
      assert.equal(reply.status, 200, `${type}: ${body.slice(0, 80)}`);
      assert.equal(received.pop(), body.slice(-200));
    }
  });

  test("is not seen in what only looks like one, and the body arrives unchanged", async (t) => {
    const { proxy, received } = await serve(t);
    for (const [type, body] of harmless) {
      const reply = await ask(proxy, "POST", "/api/items/1", { headers: headersOf(type), body });
      assert.equal(reply.status, 200, `${type}: ${body.slice(0, 80)}`);
      assert.equal(received.pop(), body.slice(-200));
    }
  });

  test("is found in a body that comes byte by byte", async (t) => {
    const { proxy, received } = await serve(t);
    for (const [type, body] of asking.filter(([, text]) => text.length < 500)) {
      const chunks = [...body].map((each) => `1\r\n${each}\r\n`).join("");
      const head = `POST /api/items/1 HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n`;
      const field = type === undefined ? "" : `content-type: ${type}\r\n`;
      assert.match(await raw(proxy, `${head}${field}\r\n${chunks}0\r\n\r\n`), /^HTTP\/1\.1 403 /, body);
    }
    assert.deepEqual(received, []);
  });

  test("that could be hidden from the proxy is refused", async (t) => {
    const { proxy, received } = await serve(t);
    const zipped = await ask(proxy, "POST", "/api/items/1", {
      headers: { "content-type": urlencoded, "content-encoding": "gzip" },
      body: "x",
    });
    assert.deepEqual([zipped.status, codeOf(zipped)], [415, "encoded_request"]);
    const long = part(`x="${"a".repeat(20_000)}"; name="_method"`, "DELETE");
    const reply = await ask(proxy, "POST", "/api/items/1", {
      headers: { "content-type": multipart },
      body: `${long}--b--`,
    });
    assert.deepEqual([reply.status, codeOf(reply)], [400, "ambiguous_request"]);
    assert.deepEqual(received, []);
  });
});
