import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { isErrorCode, systemClock } from "@holdfast/core";
import {
  type BudgetRule,
  type Egress,
  type EgressProvider,
  type EgressUsage,
  type Gate,
  type GateConfig,
  Prices,
} from "@holdfast/gate";
import { BudgetLedger } from "../src/egress/metering/budget-ledger.ts";
import { type Answer, eventually, openGate, startUpstream, temporaryDirectory } from "./support.ts";

const model = "claude-sonnet-5";
const prompt = (maxTokens: number) => JSON.stringify({ model, max_tokens: maxTokens, messages: [] });
/** Input that is set aside for `prompt`. */
const inputOf = (body: string) => Math.ceil(Buffer.byteLength(body) / 3);

const told = (input: number, output: number): Answer => ({
  headers: { "content-type": "application/json" },
  chunks: [JSON.stringify({ model, usage: { input_tokens: input, output_tokens: output } })],
});

interface Reply {
  readonly status: number;
  readonly headers: Record<string, unknown>;
  readonly body: { error: Record<string, unknown>; code?: string; metadata?: Record<string, unknown> };
}

function call(
  egress: Egress,
  body: string | Buffer,
  path = "/model/v1/messages",
  headers: Readonly<Record<string, string>> = {},
): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      { socketPath: egress.socketPath, method: "POST", path, headers, agent: false },
      (response) => {
        text(response).then((answer) => {
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: answer.startsWith("{") ? JSON.parse(answer) : { error: {} },
          });
        }, reject);
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}

interface Setup {
  readonly gate: Gate;
  readonly egress: Egress;
  readonly usage: EgressUsage[];
}

const gateOnly = { jails: { driver: "none", allowUnsafe: true } } as const;

async function open(
  t: TestContext,
  baseUrl: string,
  budgets: readonly BudgetRule[],
  more: Partial<GateConfig> & { readonly provider?: EgressProvider; readonly jailId?: string } = {},
): Promise<Setup> {
  const { provider = "anthropic", jailId = "j", ...config } = more;
  const usage: EgressUsage[] = [];
  const gate = await openGate(t, {
    ...gateOnly,
    ...config,
    egress: { budgets },
    onUsage: (each) => usage.push(each),
  });
  const egress = await gate.openEgress({
    jailId,
    session: "s1",
    user: "ann",
    organization: "acme",
    upstreams: [
      {
        name: "model",
        baseUrl,
        provider,
        allow: [{ methods: ["POST"], pathPrefix: "/v1" }],
        credential: { kind: "none" },
      },
    ],
  });
  return { gate, egress, usage };
}

describe("a rate in money", () => {
  const slow = { perMinute: 60, burst: 1 };
  for (const [scope, whose, withTool] of [
    ["jail", "session", true],
    ["user", "user", false],
    ["organization", "organization", false],
  ] as const) {
    test(`of a ${whose} counts what models cost, and outlives a restart`, async (t) => {
      const dataDir = temporaryDirectory(t);
      const upstream = await startUpstream(t, () => told(1_000, 1_000));
      const more = { dataDir, broker: { rateLimits: { [scope]: { money: slow } } } };
      const first = await open(t, upstream.url, [], more);
      assert.equal((await call(first.egress, prompt(10))).status, 200);
      await eventually("it is charged", () => first.usage.length === 1);
      const cost = first.usage[0]?.costMicros ?? 0;
      assert.ok(cost > 1_000);
      const { status, headers, body } = await call(first.egress, prompt(10));
      assert.equal(status, 429);
      assert.equal(headers["x-should-retry"], "true");
      const seconds = Number(headers["retry-after"]);
      assert.ok(seconds > (cost - 1) / 2 && seconds <= cost, `${seconds} seconds for ${cost}`);
      assert.equal(body.error["type"], "rate_limit_error");
      assert.match(String(body.error["message"]), new RegExp(`The ${whose} spends money on models too fast`));
      await first.gate.close();
      const { egress, gate } = await open(t, upstream.url, [], more);
      assert.equal((await call(egress, prompt(10))).status, 429);
      assert.equal(upstream.requests.length, 1, "what is refused is not sent");
      const denied = await gate.audit.query({ type: "egress.denied" });
      assert.ok(denied.every(({ data }) => data?.["rule"] === "egress.rate_limited") && denied.length === 2);
      if (!withTool) return;
      const other = await gate.openEgress({
        ...{ jailId: "other", session: "s2", user: "ann", organization: "acme" },
        upstreams: [
          {
            name: "model",
            baseUrl: upstream.url,
            provider: "anthropic",
            allow: [{ methods: ["POST"], pathPrefix: "/v1" }],
            credential: { kind: "none" },
          },
        ],
      });
      assert.equal((await call(other, prompt(10))).status, 200, "another session is not bound by it");
    });
  }
});

test("a rate of zero per minute is spent for good, without a retry-after", async (t) => {
  const upstream = await startUpstream(t, () => told(1_000, 1_000));
  const { egress, usage } = await open(t, upstream.url, [], {
    broker: { rateLimits: { jail: { money: { perMinute: 0, burst: 1 } } } },
  });
  assert.equal((await call(egress, prompt(10))).status, 200);
  await eventually("it is charged", () => usage.length === 1);
  const { status, headers } = await call(egress, prompt(10));
  assert.deepEqual([status, headers["x-should-retry"], headers["retry-after"]], [429, "false", undefined]);
});

describe("a budget", () => {
  test("is reserved before the call and settled after it, and refuses what might go beyond", async (t) => {
    const upstream = await startUpstream(t, () => told(100, 50));
    const body = prompt(500);
    const tokens = 150 + inputOf(body) + 500;
    const { gate, egress, usage } = await open(t, upstream.url, [
      { scope: "session", period: "always", tokens },
    ]);
    assert.equal((await call(egress, body)).status, 200);
    await eventually("the first is settled", () => usage.length === 1);
    assert.deepEqual(usage[0], {
      at: usage[0]?.at,
      jailId: "j",
      session: "s1",
      user: "ann",
      organization: "acme",
      upstream: "model",
      model,
      inputTokens: 100,
      outputTokens: 50,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
      costMicros: 100 * 2 + 50 * 10,
      isPriced: true,
      estimated: false,
    });
    assert.equal((await call(egress, body)).status, 200, "exactly what is left may be set aside");
    await eventually("the second is settled", () => usage.length === 2);
    const refused = await call(egress, body);
    assert.equal(refused.status, 402);
    assert.equal(refused.headers["x-should-retry"], "false");
    assert.deepEqual(refused.body.error["type"], "billing_error");
    assert.equal(refused.body.code, "budget_exceeded");
    assert.deepEqual(refused.body.metadata?.["spent"], { tokens: 300, costMicros: 1_400 });
    assert.equal(upstream.requests.length, 2, "the upstream never heard of it");
    const { budgets } = await gate.status();
    assert.deepEqual(budgets, [
      {
        scope: "session",
        period: "always",
        tokens,
        subject: "s1",
        spent: { tokens: 300, costMicros: 1_400 },
        reserved: { tokens: 0, costMicros: 0 },
      },
    ]);
    const records = await gate.audit.query({ type: "egress.denied" });
    assert.deepEqual(
      records.map((each) => each.data?.["rule"]),
      ["egress.budget_exceeded"],
    );
    const [begun] = await gate.audit.query({ type: "egress.request" });
    assert.deepEqual(begun?.data?.["reserved"], {
      tokens: inputOf(body) + 500,
      costMicros: inputOf(body) * 2 + 5_000,
    });
  });

  test("counts calls under way: many at once do not all pass", async (t) => {
    const answering = Promise.withResolvers<void>();
    const upstream = await startUpstream(t, () => told(1, 1), answering.promise);
    const body = prompt(1_000);
    const each = inputOf(body) + 1_000;
    const { egress, gate } = await open(t, upstream.url, [
      { scope: "organization", period: "day", tokens: 3 * each },
    ]);
    const calls = Array.from({ length: 8 }, () => call(egress, body));
    await eventually("three arrive", () => upstream.requests.length === 3);
    const refusals = await Promise.all(Array.from({ length: 2 }, () => call(egress, body)));
    assert.deepEqual(
      refusals.map(({ status }) => status),
      [402, 402],
    );
    answering.resolve();
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    assert.equal(statuses.filter((status) => status === 200).length, 3);
    assert.equal(upstream.requests.length, 3);
    await eventually("all are settled", async () => (await gate.status()).budgets[0]?.reserved.tokens === 0);
    assert.equal((await gate.status()).budgets[0]?.spent.tokens, 6);
  });

  test("is released by a call that cannot be recorded, and so is not sent", async (t) => {
    const upstream = await startUpstream(t, () => told(1, 1));
    const body = prompt(1_000);
    const tokens = inputOf(body) + 1_000;
    const { egress, gate } = await open(t, upstream.url, [{ scope: "user", period: "day", tokens }]);
    t.mock.method(gate.audit, "append", () => Promise.reject(new Error("disk full")), { times: 1 });
    assert.equal((await call(egress, body)).status, 500);
    assert.equal((await call(egress, body)).status, 200, "all of it is there for the next");
    assert.equal(upstream.requests.length, 1);
  });

  test("in money, and for one user alone; who is not meant is not bound", async (t) => {
    const upstream = await startUpstream(t, () => told(1_000, 1_000));
    const rules: BudgetRule[] = [
      { scope: "user", subject: "ann", period: "month", costMicros: 1_000 },
      { scope: "user", subject: "bob", period: "month", costMicros: 1_000_000 },
    ];
    const { gate, egress } = await open(t, upstream.url, rules);
    const refused = await call(egress, prompt(1_000));
    assert.match(String(refused.body.error["message"]), /budget of this user is \$0\.0010 this month/);
    const other = await gate.openEgress({
      jailId: "k",
      session: "s2",
      user: "bob",
      upstreams: [
        {
          name: "model",
          baseUrl: upstream.url,
          provider: "anthropic",
          allow: [{ methods: ["POST"], pathPrefix: "/v1/messages", exact: true }],
          credential: { kind: "none" },
        },
      ],
    });
    assert.equal((await call(other, prompt(1_000))).status, 200);
    assert.equal((await call(other, "{}", "/model/v1/messages/batches")).status, 403);
  });

  test("reads what a request may use, and takes none that it cannot read", async (t) => {
    const upstream = await startUpstream(t, () => told(1, 1));
    const rules: BudgetRule[] = [{ scope: "session", period: "always", tokens: 1_000 }];
    const { egress, gate } = await open(t, upstream.url, rules);
    const body = prompt(100_000);
    for (const encoding of ["gzip", "zstd", "identity, gzip"]) {
      const packed = { "content-encoding": encoding };
      const { status, body: problem } = await call(egress, gzipSync(body), "/model/v1/messages", packed);
      assert.deepEqual([status, problem.code], [415, "encoded_request"], encoding);
    }
    const twice = '{"max_tokens":1,"max_tokens":100000}';
    const { status, body: problem } = await call(egress, twice);
    assert.deepEqual([status, problem.code], [400, "ambiguous_request"]);
    assert.match(String(problem.error["message"]), /duplicate key/);
    const denied = await gate.audit.query({ type: "egress.denied" });
    assert.equal(denied.at(-1)?.data?.["rule"], "egress.ambiguous_request");
    assert.equal(upstream.requests.length, 0);
    const plain = await call(egress, prompt(10), "/model/v1/messages", { "content-encoding": "identity" });
    assert.equal(plain.status, 200);
  });

  test("survives a restart, also of a host that was killed in the middle of a call", async (t) => {
    const dataDir = temporaryDirectory(t);
    const upstream = await startUpstream(t, () => told(400, 100));
    const body = prompt(100);
    const rules: BudgetRule[] = [{ scope: "session", period: "always", tokens: 1_000 }];
    const first = await open(t, upstream.url, rules, { dataDir });
    await call(first.egress, body);
    await first.gate.close();
    const path = join(dataDir, "gate", "usage.db");
    const killed = BudgetLedger.open(path, systemClock, rules);
    killed.reserve({ session: "s1" }, { tokens: 450, costMicros: 7 });
    killed.close();
    const { gate, egress } = await open(t, upstream.url, rules, { dataDir });
    assert.deepEqual((await gate.status()).budgets[0]?.spent.tokens, 950);
    assert.equal((await call(egress, body)).status, 402);
  });

  test("is charged an estimate where the answer tells nothing, and nothing where nothing was done", async (t) => {
    const events = { "content-type": "text/event-stream" };
    const answers: Answer[] = [
      { headers: events, chunks: ["data: {}\n\n"] },
      { headers: { "content-type": "application/json" }, chunks: ["{}"] },
      { status: 500, headers: { "content-type": "application/json" }, chunks: ["{}"] },
    ];
    const upstream = await startUpstream(t, () => answers.shift() ?? told(1, 1));
    const body = prompt(300);
    const { egress, usage, gate } = await open(t, upstream.url, [
      { scope: "session", period: "always", tokens: 1_000_000 },
    ]);
    for (let n = 0; n < 3; n++) await call(egress, body).catch(() => {});
    await eventually("three answers are on record", async () => {
      return (await gate.audit.query({ type: "egress.response" })).length === 3;
    });
    assert.deepEqual(
      usage.map(({ inputTokens, outputTokens, estimated, model: name }) => [
        inputTokens,
        outputTokens,
        estimated,
        name,
      ]),
      [
        [inputOf(body), "data: {}\n\n".length, true, model],
        [inputOf(body), 300, true, model],
      ],
      "a stream is worth a token for each byte at most; a whole answer all that was set aside; a failure nothing",
    );
    assert.equal((await call(egress, body, "/model/v1/messages/count_tokens")).status, 200);
    const dead = await open(t, "http://127.0.0.1:1", [{ scope: "host", period: "always", tokens: 10_000 }]);
    assert.equal((await call(dead.egress, body)).status, 502);
    assert.equal((await dead.gate.status()).budgets[0]?.spent.tokens, 0);
  });

  test("is refused in the words of each provider's clients", async (t) => {
    const rules: BudgetRule[] = [{ scope: "host", period: "always", tokens: 1 }];
    const expected: readonly [EgressProvider, string, Record<string, unknown>][] = [
      ["anthropic", "/model/v1/messages", { type: "billing_error" }],
      ["openai", "/model/v1/responses", { type: "insufficient_quota", code: "egress.budget_exceeded" }],
      ["google", "/model/v1/models/g:generateContent", { code: 402, status: "RESOURCE_EXHAUSTED" }],
    ];
    for (const [provider, path, error] of expected) {
      const { egress } = await open(t, "http://127.0.0.1:1", rules, { provider });
      const { status, body } = await call(egress, "{}", path);
      assert.equal(status, 402);
      assert.deepEqual({ ...body.error, ...error }, body.error, provider);
    }
  });

  test("that is not understood does not open the gate", async (t) => {
    const bad = (value: unknown) => ({ version: 1, budgets: [value] });
    for (const content of [
      "nonsense",
      "{}",
      JSON.stringify({ version: 1, budget: [] }),
      JSON.stringify(bad({ scope: "session", period: "always" })),
      JSON.stringify(bad({ scope: "galaxy", period: "always", tokens: 1 })),
      JSON.stringify(bad({ scope: "session", period: "week", tokens: 1 })),
      JSON.stringify(bad({ scope: "session", period: "day", tokens: -1 })),
      JSON.stringify(bad({ scope: "session", period: "day", tokens: 1, until: 5 })),
      JSON.stringify(bad({ scope: "session", period: "day", tokens: 1, subject: "" })),
      JSON.stringify({ version: 1, budgets: {} }),
      JSON.stringify({ version: 1, prices: "free" }),
      JSON.stringify({ version: 1, prices: [{ model: "x", input: "1", output: 1 }] }),
      JSON.stringify({ version: 1, prices: [{ model: "", input: 1, output: 1 }] }),
      JSON.stringify({ version: 1, prices: [{ model: "x", input: 1, output: 1, discount: 1 }] }),
      JSON.stringify({ version: 1, networks: "10.0.0.0/8" }),
      JSON.stringify({ version: 1, networks: [10] }),
      JSON.stringify({ version: 1, hosts: "docs.example" }),
      JSON.stringify({ version: 1, hosts: [{ host: "127.0.0.1" }] }),
      JSON.stringify({ version: 1, hosts: [{ host: "docs.example", ports: ["443"] }] }),
      JSON.stringify({ version: 1, hosts: [{ host: "docs.example", credential: { kind: "none" } }] }),
    ]) {
      const dataDir = temporaryDirectory(t);
      writeFileSync(join(dataDir, "egress.json"), content);
      await assert.rejects(openGate(t, { ...gateOnly, dataDir }), (error: unknown) =>
        isErrorCode(error, "egress", "invalid_config"),
      );
    }
    const dataDir = temporaryDirectory(t);
    const good = { version: 1, budgets: [{ scope: "host", period: "day", costMicros: 5 }] };
    writeFileSync(join(dataDir, "egress.json"), JSON.stringify(good));
    const gate = await openGate(t, { ...gateOnly, dataDir });
    assert.equal((await gate.status()).budgets[0]?.costMicros, 5);
  });
});

test("a usage.db of a newer version is not written to", (t) => {
  const path = join(temporaryDirectory(t), "usage.db");
  const database = new DatabaseSync(path);
  database.exec("PRAGMA user_version = 99");
  database.close();
  assert.throws(
    () => BudgetLedger.open(path, systemClock),
    (error) => isErrorCode(error, "egress", "newer_format"),
  );
});

test("days and months of budgets are in UTC", (t) => {
  let now = Date.UTC(2026, 10, 30, 23, 59);
  const rules: BudgetRule[] = [
    { scope: "host", period: "day", tokens: 10 },
    { scope: "host", period: "month", tokens: 15 },
  ];
  const ledger = BudgetLedger.open(join(temporaryDirectory(t), "usage.db"), { now: () => now }, rules);
  t.after(() => ledger.close());
  const spend = () => {
    const ten = { tokens: 10, costMicros: 0 };
    ledger.settle(ledger.reserve({}, ten), ten);
  };
  const refused = (error: unknown) => isErrorCode(error, "egress", "budget_exceeded");
  spend();
  assert.throws(spend, refused);
  now += 60_000;
  spend();
  assert.throws(spend, refused);
  now += 86_400_000;
  assert.throws(spend, /this month/);
});

test("prices: the longest id, dates and channels, vendors before the name, long prompts, the operator's own", () => {
  const prices = new Prices([
    { model: "llama", input: 0, output: 0 },
    { model: "gpt-5", input: 1, output: 1 },
  ]);
  const tokens = (name: string, input = 1_000_000, output = 1_000_000) => ({
    model: name,
    inputTokens: input,
    outputTokens: output,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
  });
  const cost = (name: string, input?: number, output?: number) =>
    prices.cost(tokens(name, input, output)).micros / 1e6;
  assert.equal(cost("claude-opus-5-5"), 24);
  assert.equal(cost("claude-opus-5-20260724"), 30);
  assert.equal(cost("anthropic/claude-sonnet-5"), 12);
  assert.equal(cost("gpt-5.4-mini-2026-03-01"), 5.25);
  assert.equal(cost("gpt-5"), 2, "the operator's price goes first");
  assert.equal(cost("gemini-2.5-pro", 200_000, 100_000), 1.25);
  assert.equal(cost("gemini-2.5-pro", 200_001, 0), 0.500003, "rounded up");
  assert.equal(cost("llama"), 0);
  assert.deepEqual(
    prices.cost(tokens("gpt-5-enormous")),
    { micros: 90e6, known: false },
    "the dearest of the table",
  );
  assert.deepEqual(prices.cost(tokens("mine"), true), { micros: 0, known: false });
  const cached = {
    ...tokens("claude-opus-5-5", 1_000_000, 0),
    cacheReadTokens: 500_000,
    cacheWriteTokens: 100_000,
  };
  assert.equal(prices.cost(cached).micros / 1e6, 0.4 * 4 + 0.5 * 0.2 + 0.1 * 5);
});
