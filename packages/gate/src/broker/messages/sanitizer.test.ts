import assert from "node:assert/strict";
import { test } from "node:test";
import { runInNewContext } from "node:vm";
import { KnownSecrets } from "../../vault/redaction/known-secrets.ts";
import { Sanitizer } from "./sanitizer.ts";

function sanitizer(...values: string[]): Sanitizer {
  const known = new KnownSecrets();
  for (const value of values) known.add(value);
  return new Sanitizer(known);
}

const clean = (of: Sanitizer, value: unknown): unknown =>
  JSON.parse(of.json(JSON.stringify(value), value).text);

const secret = 'pa"ss/w+rd é-1234567890';
const plain = "zq8-kv3-canary-000";

test("takes a known value out in every form, whatever stands around it", () => {
  const of = sanitizer(secret, plain);
  const bytes = Buffer.from(secret);
  const forms = [
    secret,
    JSON.stringify(secret),
    encodeURIComponent(secret),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    [...secret].reverse().join(""),
    ...["", "x", "xy", "xyz"].map((before) => Buffer.from(`${before}${secret}and more`).toString("base64")),
    ...["", "x", "xy"].map((before) => Buffer.from(`${before}${secret}`).toString("base64url")),
  ];
  for (const form of forms) {
    const { text, redactions } = of.json(JSON.stringify([`before ${form} after`]), [`before ${form} after`]);
    assert.equal(redactions, 1, form);
    assert.ok(text.includes("[redacted]"), form);
  }
  assert.deepEqual(clean(of, { a: `1 ${plain} 2 ${plain}` }), { a: "1 [redacted] 2 [redacted]" });
});

test("takes a known value out as other programs write it", () => {
  const value = "k/y+é-<a&b='c\"> 12";
  const ascii = "AKsecret/1234+abcd==";
  const of = sanitizer(value, ascii);
  const wide = (order: "utf16le" | "be", text: string) => {
    const bytes = Buffer.from(text, "utf16le");
    return order === "be" ? bytes.swap16() : bytes;
  };
  const forms = [
    JSON.stringify(value),
    JSON.stringify(value).replaceAll("/", "\\/"),
    JSON.stringify(value).replace(/[<>&]/g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`),
    JSON.stringify(value).replace(/[<>&=']/g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`),
    ascii.replace(/./g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`),
    ascii.replace(/./g, (each) => `\\u00${each.charCodeAt(0).toString(16).toUpperCase()}`),
    // Python, PHP and .NET, as they write what is not ASCII.
    "k/y+\\u00e9-<a&b='c\\\"> 12",
    "k\\/y+\\u00e9-<a&b='c\\\"> 12",
    "k/y\\u002B\\u00E9-\\u003Ca\\u0026b=\\u0027c\\u0022\\u003E 12",
    "k/y+é-&lt;a&amp;b='c&quot;&gt; 12",
    "k/y+é-&lt;a&amp;b=&#39;c&quot;&gt; 12",
    "k/y+é-&lt;a&amp;b=&#x27;c&quot;&gt; 12",
    encodeURI(value),
    encodeURIComponent(value).toLowerCase(),
    new URLSearchParams({ q: value }).toString(),
    Buffer.from(ascii).toString("hex").replace(/../g, "%$&"),
    ...["", "x", "xy"].flatMap((before) => {
      const encoded = Buffer.from(`${before}${ascii}${value}zz`).toString("base64");
      return [encodeURIComponent(encoded), encoded.replaceAll("/", "\\/")];
    }),
    ...(["utf16le", "be"] as const).flatMap((order) => [
      wide(order, ascii).toString("latin1"),
      wide(order, ascii).toString("hex"),
      wide(order, ascii).toString("hex").toUpperCase(),
      ...["", "x", "xy"].map((before) =>
        Buffer.concat([Buffer.from(before), wide(order, ascii)]).toString("base64"),
      ),
    ]),
  ];
  for (const form of forms) assert.match(of.text(`before ${form} after`), /\[redacted\]/, form);
  const left = of.text(`before ${wide("utf16le", ascii).toString("base64")} after`);
  assert.ok(left.length <= "before xx[redacted]xxxx after".length, left);
});

test("takes a known value out of base64 whose own signs are escaped", () => {
  // Its base64 has a slash or a plus at each of the three places where it may begin.
  const value = "~~~???~~~???~~~";
  const of = sanitizer(value);
  for (const before of ["", "x", "xy"]) {
    const encoded = Buffer.from(`${before}${value}zz`).toString("base64");
    assert.match(encoded, /[+/]/);
    for (const form of [
      encodeURIComponent(encoded),
      encodeURIComponent(encoded).replace(/%../g, (each) => each.toLowerCase()),
      encoded.replaceAll("/", "\\/"),
    ])
      assert.match(of.text(`before ${form} after`), /\[redacted\]/, form);
  }
});

test("takes it out of keys, numbers, and texts that only together are one", () => {
  const of = sanitizer(plain, "90071992547");
  assert.deepEqual(clean(of, { [plain]: 1, [`x${plain}`]: 2 }), { "[redacted]": 1, "x[redacted]": 2 });
  assert.deepEqual(clean(of, { n: 90071992547, m: 12 }), { n: "[redacted]", m: 12 });
  const parts = { a: `x ${plain.slice(0, 5)}`, b: [plain.slice(5, 9), { c: `${plain.slice(9)} y`, d: "z" }] };
  assert.deepEqual(clean(of, parts), { a: "x [redacted]", b: ["[redacted]", { c: "[redacted] y", d: "z" }] });
  const two = { [plain]: "a", other: { [plain]: "b" } };
  assert.deepEqual(clean(of, two), { "[redacted]": "a", other: { "[redacted]": "b" } });
});

test("leaves what is no secret byte for byte as it was", () => {
  const of = sanitizer(plain);
  for (const value of [
    null,
    1.5,
    "text",
    { a: [true, { b: "" }] },
    plain.slice(0, -1),
    "skill-based task-ant-x",
  ]) {
    const text = JSON.stringify(value);
    assert.deepEqual(of.json(text, value), { text, redactions: 0, flags: 0 });
  }
});

test("takes it out of a stream of texts, wherever it is cut", () => {
  for (let cut = 1; cut < plain.length; cut++) {
    const next = sanitizer(plain).stream();
    const [first, second] = [next(`a ${plain.slice(0, cut)}`), next(`${plain.slice(cut)} b`)];
    assert.equal(first, `a ${plain.slice(0, cut)}`);
    assert.equal(second, "[redacted] b", String(cut));
  }
});

test("takes out what looks like a secret", () => {
  const of = sanitizer();
  const key = "Abc123Def456Ghi789Jkl012Mno345Pqr678";
  const secrets = [
    `sk-ant-api03-${key}-${key}`,
    `sk-proj-${key}`,
    `sk_${"live"}_${key}`,
    `xoxb-123456789012-${key}`,
    `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${key}`,
    `eyJ-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${key}`,
    "AKIAIOSFODNN7EXAMPLE",
    `ghp_${key}`,
    `github_pat_${key}`,
    `glpat-${key}`,
    `npm_${key}`,
    `AIza${key}`,
    `hf_${key}`,
    `ya29.${key}`,
    `SG.${key}.${key}`,
    `hooks.slack.com/services/T0/B0/${key}`,
    `-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc\n-----END RSA PRIVATE KEY-----`,
  ];
  for (const value of secrets) {
    assert.deepEqual(clean(of, { text: `see ${value} there` }), { text: "see [redacted] there" }, value);
  }
  const inside: [string, string][] = [
    ["Authorization: Bearer abcdefgh12345678.xyz", "Authorization: Bearer [redacted]"],
    ["Bearer short7", "Bearer [redacted]"],
    ["bearer eyJ.own.sig", "bearer [redacted]"],
    [`see jwt-eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${key}, v1`, "see jwt-[redacted], v1"],
    [`v1.eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${key}`, "v1.[redacted]"],
    ["BEARER AbCdEfGhIjKlMnOp", "BEARER [redacted]"],
    ["a key pk-a1b2c3d4, or sk-12345678", "a key [redacted], or [redacted]"],
    ["postgres://ada:hunter22@db.example/x", "postgres://ada:[redacted]@db.example/x"],
    ["mysql://ada:s3cret_p@ssw0rd@db.example:1/x", "mysql://ada:[redacted]@db.example:1/x"],
    ["https://u:p1@a.example?to=b@c.example", "https://u:[redacted]@a.example?to=b@c.example"],
    ["password=hunter2&user=ada", "password=[redacted]&user=ada"],
    ["api_key: abcd1234efgh", "api_key: [redacted]"],
    ["X-Api-Key: abcdefgh", "X-Api-Key: [redacted]"],
    ["Authorization: Basic YWRhOmh1bnRlcg==", "Authorization: Basic [redacted]"],
    [`aws_secret_access_key = ${key}ABCD`, "aws_secret_access_key = [redacted]"],
  ];
  for (const [value, expected] of inside) assert.deepEqual(clean(of, [value]), [expected]);
  for (const prose of [
    "the secret: nothing to see",
    "token: a word",
    "password reset at https://a.b/c",
    "the bearer of this message, a bearer instrument, bearer tokens.",
    "sk-learning and sk-sketches; task-12345678, disk-a1b2c3d4",
    "npm_config",
  ]) {
    assert.deepEqual(clean(of, [prose]), [prose]);
  }
});

test("takes time for its length alone, whatever an agent or a page puts into a text", () => {
  const of = sanitizer();
  for (const start of [
    "eyJ-",
    "eyJaaaaaaaa.",
    "token:",
    "password:a",
    "a://a:",
    "sk-a",
    "bearer ",
    "secret \n",
  ]) {
    const text = start.repeat(500_000 / start.length);
    // Interrupted after far longer than it needs: the time of the square of the length is minutes.
    const tell = () => of.text(text).length;
    const length: unknown = runInNewContext("tell()", { tell }, { timeout: 20_000 });
    assert.ok(Number(length) > 0, start);
  }
});

test("only tells of what merely looks random", () => {
  const random = "q7Zx2LmV9pKc4TnB8wRj5HsY1dFg6AeU3oIiXtQb";
  const { text, flags, redactions } = sanitizer().json(JSON.stringify([random]), [random]);
  assert.deepEqual([text, flags, redactions], [JSON.stringify([random]), 1, 0]);
});
