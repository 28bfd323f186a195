/** Gates of several nodes in one process: what one of them knows holds at the others. */
import assert from "node:assert/strict";
import { createPublicKey } from "node:crypto";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, test } from "node:test";
import { createLogger, isErrorCode } from "@holdfast/core";
import { type ChainVerification, ClusterKeys, type Egress, type Gate, type PolicyRule } from "@holdfast/gate";
import { startUpstream } from "../../packages/gate/tests/support.ts";
import { eventually, newKey, openNode, openSharedState, temporaryDirectory } from "./shared-state.ts";

const secret = "canary-0123456789abcdef";

async function egressTo(gate: Gate, url: string, name: string): Promise<Egress> {
  return gate.openEgress({
    ...{ jailId: name, session: `session of ${name}`, organization: "acme", agent: "demo" },
    upstreams: [
      {
        ...{ name: "model", baseUrl: url, provider: "anthropic" },
        allow: [{ methods: ["POST"], pathPrefix: "/v1" }],
        credential: { kind: "secret", name: "deploy", as: "bearer" },
      },
    ],
  });
}

function call({ socketPath }: Egress): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { socketPath, method: "POST", path: "/model/v1/messages", agent: false },
      (answer) => {
        answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
      },
    );
    asked.once("error", reject).end(JSON.stringify({ model: "m", max_tokens: 50, messages: [] }));
  });
}

const usage = { headers: { "content-type": "application/json" } };
const answer = () => ({
  ...usage,
  chunks: [JSON.stringify({ model: "m", usage: { input_tokens: 10, output_tokens: 40 } })],
});

const grantFor = (url: string) => ({
  principal: { organization: "acme" },
  ...{ secret: "deploy", owner: {}, host: new URL(url).host, pathPrefix: "/v1", methods: ["POST"] },
});

describe("secrets", () => {
  test("a secret and its grant that one node stores are used by the other, until it is revoked", async (t) => {
    const shared = openSharedState(t);
    const [a, b] = [await openNode(t, shared.of("a")), await openNode(t, shared.of("b"))];
    const upstream = await startUpstream(t, answer);
    const egress = await egressTo(b, upstream.url, "j");
    assert.equal(await call(egress), 403);
    await a.vault.setSecret({ name: "deploy", owner: {} }, secret);
    const { id } = await a.vault.grant(grantFor(upstream.url));
    assert.equal(await call(egress), 200);
    assert.equal(upstream.requests.at(-1)?.request.headers.authorization, `Bearer ${secret}`);
    assert.deepEqual(await b.vault.secretEntries(), [{ name: "deploy", owner: {} }]);
    assert.equal(b.redact(`a ${secret} b`).includes(secret), false);
    assert.equal(await b.vault.revoke(id), true);
    assert.equal(await call(egress), 403);
    assert.deepEqual(await a.vault.grants(), []);
  });

  test("a node with another key does not join, in words, and reads and changes nothing", async (t) => {
    const shared = openSharedState(t);
    const a = await openNode(t, shared.of("a"));
    await a.vault.setSecret({ name: "deploy", owner: {} }, secret);
    const stranger = shared.of("b", newKey());
    await assert.rejects(
      openNode(t, stranger),
      (error) =>
        isErrorCode(error, "vault", "wrong_cluster_key") &&
        String(error).includes("Give it the same HOLDFAST_CLUSTER_KEY"),
    );
    assert.equal(await a.vault.readSecret({ name: "deploy", owner: {} }), secret);
    const { nodes } = a;
    assert.deepEqual(
      (await nodes?.verifyAudit())?.map(({ node }) => node),
      ["a"],
    );
  });

  test("keys rotate node by node, and every node reads all secrets meanwhile", async (t) => {
    const shared = openSharedState(t);
    const [old, next] = [newKey(), newKey()];
    const entry = (name: string) => ({ name, owner: {} });
    const first = await openNode(t, shared.of("a", old));
    await first.vault.setSecret(entry("one"), `${secret}-one`);
    const prepared = await openNode(t, shared.of("b", `${old},${next}`));
    await prepared.vault.setSecret(entry("two"), `${secret}-two`);
    assert.equal(await first.vault.readSecret(entry("two")), `${secret}-two`);
    const changed = await openNode(t, shared.of("c", `${next},${old}`));
    // From now on all is sealed with the new key, which the node that was not prepared cannot read.
    assert.equal(await prepared.vault.readSecret(entry("one")), `${secret}-one`);
    await assert.rejects(first.vault.readSecret(entry("one")), (error) =>
      isErrorCode(error, "vault", "unknown_cluster_key"),
    );
    const last = await openNode(t, shared.of("d", next));
    for (const name of ["one", "two"])
      assert.equal(await last.vault.readSecret(entry(name)), `${secret}-${name}`);
    assert.deepEqual((await changed.vault.secretEntries()).length, 2);
    await assert.rejects(openNode(t, shared.of("e", old)), (error) =>
      isErrorCode(error, "vault", "wrong_cluster_key"),
    );
  });

  test("entries of a key that is gone are named at the start, and the others can be read", async (t) => {
    const shared = openSharedState(t);
    const [old, next] = [newKey(), newKey()];
    const node = await openNode(t, shared.of("a", next));
    await node.vault.setSecret({ name: "new", owner: {} }, `${secret}-new`);
    const left = shared.of("a", old);
    const name = 'value secret [null,null,"left"]';
    await left.vault.put(name, left.keys.seal(name, `${secret}-left`));
    const lines: string[] = [];
    const log = createLogger("error", ({ message, fields }) =>
      lines.push(`${message} ${JSON.stringify(fields)}`),
    );
    const half = await openNode(t, shared.of("b", next), { log });
    assert.ok(
      lines.some((line) => line.includes(left.keys.ids[0] ?? "-")),
      lines.join("\n"),
    );
    assert.equal(await half.vault.readSecret({ name: "new", owner: {} }), `${secret}-new`);
    await assert.rejects(half.vault.readSecret({ name: "left", owner: {} }), (error) =>
      isErrorCode(error, "vault", "unknown_cluster_key"),
    );
  });

  test("an entry that was moved to another name, or changed, is not opened", async (t) => {
    const shared = openSharedState(t);
    const a = await openNode(t, shared.of("a"));
    await a.vault.setSecret({ name: "deploy", owner: {} }, secret);
    const { vault } = shared.of("a");
    const name = (secretName: string) => `value secret [null,null,"${secretName}"]`;
    const sealed = await vault.get(name("deploy"));
    assert.ok(sealed !== undefined && !JSON.stringify(sealed).includes(secret));
    await vault.put(name("other"), sealed);
    await assert.rejects(a.vault.readSecret({ name: "other", owner: {} }), (error) =>
      isErrorCode(error, "vault", "damaged"),
    );
    await vault.put("grant forged", sealed);
    await assert.rejects(a.vault.grants(), (error) => isErrorCode(error, "vault", "damaged"));
  });

  test("bad keys are refused without repeating them", () => {
    const [good, other] = [newKey(), "ab".repeat(32)];
    const bad: readonly [string, RegExp][] = [
      ["", /There is no cluster key/],
      [" , \n", /There is no cluster key/],
      ["c2hvcnQ=", /is not 32 bytes/],
      [`${good}x`, /is not 32 bytes/],
      ["ab".repeat(31), /is not 32 bytes/],
      ["zz".repeat(32), /is not 32 bytes/],
      [`${good},c2hvcnQ=`, /Cluster key 2 is not/],
      [`${good},${good}`, /given twice/],
      [Array.from({ length: 9 }, newKey).join(","), /9 cluster keys; 8 are allowed/],
    ];
    for (const [text, message] of bad) {
      assert.throws(
        () => ClusterKeys.parse(text),
        (error) =>
          isErrorCode(error, "vault", "invalid_cluster_key") &&
          message.test(String(error)) &&
          !String(error).includes(good),
      );
    }
    assert.equal(ClusterKeys.parse(`${good}\n${other}\n`).ids.length, 2);
    assert.equal(ClusterKeys.parse(Array.from({ length: 8 }, newKey).join(",")).ids.length, 8);
    // The same key in another form is the same key.
    const hex = Buffer.from(good, "base64").toString("hex");
    assert.deepEqual(ClusterKeys.parse(hex).ids, ClusterKeys.parse(good).ids);
  });
});

test("a budget that two nodes spend stops at its limit, and both show all of it", async (t) => {
  const shared = openSharedState(t);
  const egressConfig = { budgets: [{ scope: "organization", period: "day", tokens: 2_000 }] } as const;
  const upstream = await startUpstream(t, answer);
  const nodes = [
    await openNode(t, shared.of("a"), { egress: egressConfig }),
    await openNode(t, shared.of("b"), { egress: egressConfig }),
  ];
  const [a] = nodes;
  await a?.vault.setSecret({ name: "deploy", owner: {} }, secret);
  await a?.vault.grant(grantFor(upstream.url));
  let used = 0;
  await Promise.all(
    nodes.map(async (gate, index) => {
      const egress = await egressTo(gate, upstream.url, `jail of ${index}`);
      for (;;) {
        const status = await call(egress);
        if (status === 402) return;
        assert.equal(status, 200);
        used += 50;
      }
    }),
  );
  assert.ok(used > 1_500 && used <= 2_000, `${used}`);
  for (const gate of nodes) await gate.leave();
  for (const gate of nodes) {
    const [budget] = (await gate.status()).budgets;
    assert.deepEqual([budget?.subject, budget?.spent.tokens, budget?.reserved.tokens], ["acme", used, 0]);
  }
});

test("a rule that a person accepts at one node holds at the others, until it is removed", async (t) => {
  const shared = openSharedState(t);
  const directory = temporaryDirectory();
  const own = (action: "ask" | "deny") => ({ id: action, tools: ["deploy"], action, reason: "own" });
  const rulesOfFile = [own("ask"), own("deny")];
  writeFileSync(join(directory, "policy.json"), JSON.stringify({ version: 1, rules: rulesOfFile }));
  const [a, b, strict] = [
    await openNode(t, shared.of("a")),
    await openNode(t, shared.of("b")),
    await openNode(t, shared.of("c"), { dataDir: directory }),
  ];
  const rules = async (gate: Gate) => (await gate.status()).policy.rules;
  const rule = (tool: string): PolicyRule => ({
    ...{ id: `rule of ${tool}`, tools: [tool], action: "allow", reason: "accepted" },
  });
  await a.addPolicyRule(rule("status"), { by: "ada" });
  await eventually("the rule holds", async () => (await rules(b)) === 1 && (await rules(strict)) === 3);
  // A rule that denies in the file of one node stays in force there.
  await a.addPolicyRule(rule("deploy"), { by: "ada" });
  await eventually("the second holds", async () => (await rules(b)) === 2);
  assert.equal(await rules(strict), 3);
  assert.equal(strict.takesPolicyRule(rule("deploy")), false);
  await assert.rejects(strict.addPolicyRule(rule("deploy"), { by: "ada" }), (error) =>
    isErrorCode(error, "policy", "rule_conflict"),
  );
  const file: unknown = JSON.parse(readFileSync(join(directory, "policy.json"), "utf8"));
  assert.deepEqual(file, { version: 1, rules: rulesOfFile });
  const late = await openNode(t, shared.of("d"));
  assert.equal(await rules(late), 2);
  // The records of the audit log, which name the person, reach other nodes a moment later than the rule.
  await eventually("the people are known", async () => {
    const accepted = await b.acceptedRules();
    return accepted.every(({ acceptance }) => acceptance?.by === "ada");
  });
  const [newest, ...older] = await b.acceptedRules();
  assert.deepEqual([newest?.rule.id, newest?.isInForce, older.length], ["rule of deploy", true, 1]);
  assert.equal(await b.removePolicyRule("rule of status", "ada"), true);
  assert.equal(await b.nodes?.removePolicyRule("rule of status", "ada"), false);
  await eventually("it is gone", async () => (await rules(a)) === 1);
});

test("a session that one node has tainted is tainted at the other", async (t) => {
  const shared = openSharedState(t);
  const directory = temporaryDirectory();
  const [a, b] = [
    await openNode(t, shared.of("a")),
    await openNode(t, shared.of("b"), { dataDir: directory }),
  ];
  await a.taint("moved", "a page from outside");
  for (const session of ["moved", "other"])
    await (await b.openBroker({ jailId: session, session, group: "default" })).close();
  await b.close();
  const database = new DatabaseSync(join(directory, "gate", "taint.db"), { readOnly: true });
  const rows = database.prepare("SELECT session, reason FROM tainted").all();
  database.close();
  assert.deepEqual(
    rows.map((row) => ({ ...row })),
    [{ session: "moved", reason: "a page from outside" }],
  );
});

describe("audit chains", () => {
  const summary = (chains: readonly ChainVerification[] | undefined) =>
    chains?.map(
      ({ node, ok, files }) =>
        `${node} ${ok ? "ok" : "FAULT"} ${files === undefined ? "no files" : files.ok}`,
    );

  test("all are verified at any node, and queried as one", async (t) => {
    const shared = openSharedState(t);
    const [a, b] = [await openNode(t, shared.of("a")), await openNode(t, shared.of("b"))];
    // More than one piece of the copy, and a record that is larger than one.
    for (let n = 0; n < 300; n++)
      void a.audit.note({ type: "test.many", data: { n, text: "x".repeat(300) } });
    await a.audit.append({ type: "test.large", session: "s", data: { text: "y".repeat(60_000) } });
    await b.audit.append({ type: "test.small", session: "s" });
    await eventually("the copy is complete", async () => {
      const [chain] = (await b.nodes?.verifyAudit()) ?? [];
      return (chain?.stored.records ?? 0) >= 302;
    });
    const chains = await b.nodes?.verifyAudit();
    assert.deepEqual(summary(chains), ["a ok true", "b ok true"]);
    const found = await b.nodes?.queryAudit({ session: "s" });
    // In order of time, of which each node has its own measure.
    assert.deepEqual(found?.map(({ node, type }) => `${node} ${type}`).toSorted(), [
      "a test.large",
      "b test.small",
    ]);
    const newest = await b.nodes?.queryAudit({ type: "test.many", newest: true, limit: 2 });
    assert.deepEqual(
      newest?.map(({ data }) => data?.["n"]),
      [298, 299],
    );
  });

  test("a rewritten file of one node is found from another", async (t) => {
    const shared = openSharedState(t);
    const directory = temporaryDirectory();
    await openNode(t, shared.of("a"), { dataDir: directory });
    const b = await openNode(t, shared.of("b"));
    const path = join(directory, "gate", "audit.log");
    writeFileSync(path, readFileSync(path, "utf8").replace("gate.open", "gate.opem"));
    const [chain] = (await b.nodes?.verifyAudit()) ?? [];
    assert.deepEqual([chain?.node, chain?.ok, chain?.stored.ok, chain?.files?.ok], ["a", false, true, false]);
    assert.match(chain?.files?.problem ?? "", /hash does not match/);
  });

  test("files that were cut off are found by the last signature in the store", async (t) => {
    const shared = openSharedState(t);
    const directory = temporaryDirectory();
    const a = await openNode(t, shared.of("a"), { dataDir: directory });
    await a.audit.append({ type: "test.more" });
    await a.close();
    // Whoever has the directory can cut the checkpoints off, too: of that, the log itself knows nothing.
    const gateDirectory = join(directory, "gate");
    const lines = readFileSync(join(gateDirectory, "audit.log"), "utf8").split("\n");
    truncateSync(join(gateDirectory, "audit.log"), Buffer.byteLength(`${lines[0]}\n`));
    const checkpoints = readFileSync(join(gateDirectory, "audit.checkpoints"), "utf8").split("\n");
    writeFileSync(join(gateDirectory, "audit.checkpoints"), `${checkpoints[0]}\n`);
    await assert.rejects(openNode(t, shared.of("a"), { dataDir: directory }), (error) =>
      isErrorCode(error, "audit", "corrupt"),
    );
  });

  test("of a node that is gone, its copy is verified, and that its files were not is said", async (t) => {
    const shared = openSharedState(t);
    const directory = temporaryDirectory();
    const a = await openNode(t, shared.of("a"), { dataDir: directory });
    await a.audit.append({ type: "test.last" });
    await a.close();
    rmSync(directory, { recursive: true });
    const b = await openNode(t, shared.of("b"));
    const [chain, own] = (await b.nodes?.verifyAudit()) ?? [];
    assert.deepEqual(summary([chain, own].flatMap((each) => each ?? [])), ["a ok no files", "b ok true"]);
    assert.ok((chain?.signed?.seq ?? 0) >= 2);
    const last = await b.nodes?.queryAudit({ type: "test.last" });
    assert.deepEqual(
      last?.map(({ node }) => node),
      ["a"],
    );
    // The same name with a directory of its own is another chain.
    await openNode(t, shared.of("a"));
    assert.deepEqual(
      (await b.nodes?.verifyAudit())?.map(({ node }) => node),
      ["a", "a", "b"],
    );
  });

  test("a copy can be neither rewritten nor forged, and a missing one is named", async (t) => {
    const shared = openSharedState(t);
    const directory = temporaryDirectory();
    const a = await openNode(t, shared.of("a"), { dataDir: directory });
    const b = await openNode(t, shared.of("b"));
    const { audit } = shared.of("b");
    const chain = (await b.nodes?.verifyAudit())?.[0]?.chain ?? "";
    const { size } = await audit.end(chain);
    assert.ok(size > 0);
    assert.equal(await audit.append(chain, 0, Buffer.from("changed")), size);
    assert.equal(await audit.append(chain, size + 1, Buffer.from("later")), size);
    // Bytes that the node did not sign are no records.
    await a.close();
    const forged = Buffer.from('{"version":1,"type":"test.forged"}\n');
    await audit.append(chain, (await audit.end(chain)).size, forged);
    assert.equal((await b.nodes?.verifyAudit())?.[0]?.stored.ok, true);
    assert.deepEqual(await b.nodes?.queryAudit({ type: "test.forged" }), []);
    // And its node does not continue them.
    const { vault, keys } = shared.of("b");
    await assert.rejects(openNode(t, shared.of("a"), { dataDir: directory }), (error) =>
      isErrorCode(error, "audit", "corrupt"),
    );
    const missing = JSON.stringify({ node: "z", publicKey: publicKeyOf(directory) });
    await vault.put("audit-key z.1", keys.seal("audit-key z.1", missing));
    const found = (await b.nodes?.verifyAudit())?.find(({ node }) => node === "z");
    assert.deepEqual([found?.ok, found?.stored.problem], [false, "the store has no record of it"]);
  });
});

function publicKeyOf(directory: string): string {
  const key = createPublicKey(readFileSync(join(directory, "vault", "audit-key.pem")));
  return String(key.export({ type: "spki", format: "pem" }));
}
