/** What the gate itself joins: each part is tested alone elsewhere, and by attacks from inside a jail. */
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { isErrorCode } from "@holdfast/core";
import {
  createGate,
  type Egress,
  type EgressDecision,
  type Gate,
  loadEgressConfig,
  openAudit,
  openVault,
  type Policy,
  parsePolicy,
  readBudgetStatus,
} from "@holdfast/gate";
import { fullDisk, isRoot, openGate, startUpstream, temporaryDirectory } from "./support.ts";

const hostOnly = { jails: { driver: "none", allowUnsafe: true } } as const;
const usage = { input_tokens: 10, output_tokens: 10 };

async function wayOut(
  t: TestContext,
  gate: Gate,
  jailId: string,
  budgets: Parameters<Gate["openEgress"]>[0]["budgets"],
): Promise<Egress> {
  const upstream = await startUpstream(t, () => ({
    headers: { "content-type": "application/json" },
    chunks: [JSON.stringify({ model: "m", usage })],
  }));
  return gate.openEgress({
    ...{ jailId, session: `session of ${jailId}` },
    ...(budgets === undefined ? {} : { budgets }),
    upstreams: [
      {
        ...{ name: "model", baseUrl: upstream.url, provider: "anthropic" },
        allow: [{ methods: ["POST"], pathPrefix: "/v1" }],
        credential: { kind: "none" },
      },
    ],
  });
}

function ask({ socketPath }: Egress, path = "/model/v1/messages"): Promise<number> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, method: "POST", path, agent: false }, (answer) => {
      answer.resume().once("end", () => resolve(answer.statusCode ?? 0));
    });
    asked.once("error", reject).end(JSON.stringify({ model: "m", max_tokens: 5, messages: [] }));
  });
}

test("a budget of one jail applies to that jail only, and an invalid budget opens no egress", async (t) => {
  const gate = await openGate(t, hostOnly);
  const bound = await wayOut(t, gate, "bound", [{ scope: "session", period: "always", tokens: 1 }]);
  const free = await wayOut(t, gate, "free", undefined);
  assert.equal(await ask(bound), 402);
  assert.equal(await ask(free), 200);
  await assert.rejects(
    wayOut(t, gate, "wrong", [{ scope: "session", period: "always", tokens: -1 }]),
    (error) => isErrorCode(error, "egress", "invalid_config"),
  );
});

test("onDecision is called for each decision in all jails", async (t) => {
  const told: EgressDecision[] = [];
  const gate = await openGate(t, { ...hostOnly, onDecision: (decision) => told.push(decision) });
  await ask(await wayOut(t, gate, "first", undefined));
  await ask(await wayOut(t, gate, "second", undefined), "/elsewhere/v1");
  assert.deepEqual(
    told.map(({ jailId, decision }) => [jailId, decision]),
    [
      ["first", "allow"],
      ["second", "deny"],
    ],
  );
});

test("a jail has one egress at a time, also while the first is being opened", async (t) => {
  const gate = await openGate(t, hostOnly);
  const first = await wayOut(t, gate, "one", undefined);
  const other = { jailId: "one", session: "s", upstreams: [] };
  await assert.rejects(gate.openEgress(other), (error) => isErrorCode(error, "egress", "duplicate_jail"));
  const racing = [0, 1].map(() => gate.openEgress({ ...other, jailId: "two" }));
  const outcomes = await Promise.allSettled(racing);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  await first.close();
  await (await gate.openEgress(other)).close();
});

test("a closing gate opens nothing", async (t) => {
  const gate = await openGate(t, hostOnly);
  const closing = gate.close();
  const closed = (error: unknown) => isErrorCode(error, "gate", "closed");
  await assert.rejects(gate.openEgress({ jailId: "late", session: "s", upstreams: [] }), closed);
  await assert.rejects(gate.openBroker({ jailId: "late", session: "s", group: "default" }), closed);
  await closing;
});

test("what is being opened while the gate closes is closed before the gate", async (t) => {
  const gate = await openGate(t, hostOnly);
  const outcomes: string[] = [];
  const outcome = (opening: Promise<unknown>) =>
    opening.then(
      () => outcomes.push("opened"),
      (error: unknown) => outcomes.push(isErrorCode(error, "gate", "closed") ? "closed" : String(error)),
    );
  void outcome(gate.openEgress({ jailId: "one", session: "s", upstreams: [] }));
  void outcome(gate.openBroker({ jailId: "one", session: "s", group: "default" }));
  await gate.close();
  assert.deepEqual(outcomes, ["closed", "closed"]);
});

test("what a call of a model cost that the end of the gate cut off counts for its session", async (t) => {
  const message = { model: "claude-opus-4", usage: { input_tokens: 1_000_000, output_tokens: 1 } };
  const upstream = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: message_start\ndata: ${JSON.stringify({ type: "message_start", message })}\n\n`);
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    upstream.closeAllConnections();
    upstream.close();
  });
  const dataDir = temporaryDirectory(t);
  const gate = await openGate(t, { ...hostOnly, dataDir });
  const { socketPath } = await gate.openEgress({
    ...{ jailId: "one", session: "s" },
    upstreams: [
      {
        name: "model",
        baseUrl: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
        provider: "anthropic",
        allow: [{ methods: ["POST"], pathPrefix: "/v1" }],
        credential: { kind: "none" },
      },
    ],
  });
  await new Promise<void>((resolve) => {
    const asked = request({ socketPath, method: "POST", path: "/model/v1/messages" }, (answer) => {
      answer.on("error", () => {}).once("data", () => resolve());
    });
    asked.on("error", () => {}).end("{}");
  });
  await gate.close();
  const { buckets } = JSON.parse(readFileSync(join(dataDir, "gate", "rates.json"), "utf8")) as {
    readonly buckets: readonly (readonly [string, { readonly left: number }])[];
  };
  // A million tokens of input cost 15 of the 25 dollars that a session has at once.
  const left = new Map(buckets).get("jail\0money\0s")?.left ?? 0;
  assert.ok(left > 0 && left < 10_100_000, `${left}`);
});

test("a gate that fails to open closes its files", async (t) => {
  const dataDir = temporaryDirectory(t);
  writeFileSync(join(dataDir, "plugins.json"), "{");
  await assert.rejects(openGate(t, { ...hostOnly, dataDir }), (error) =>
    isErrorCode(error, "plugin", "invalid_settings"),
  );
  const held = readdirSync("/proc/self/fd").flatMap((descriptor) => {
    try {
      return [readlinkSync(`/proc/self/fd/${descriptor}`)];
    } catch {
      // The one by which the directory was read.
      return [];
    }
  });
  assert.deepEqual(
    held.filter((path) => path.startsWith(dataDir)),
    [],
  );
});

test("an unknown option is refused before anything is written", async (t) => {
  const dataDir = join(temporaryDirectory(t), "data");
  const cases: [Record<string, unknown>, RegExp][] = [
    [{ dataDir, jail: {} }, /createGate has no option "jail"\. Its options are: dataDir, jails/],
    [{ dataDir, jails: { drvier: "none" } }, /jails has no option "drvier"/],
    [{ dataDir, jails: { driver: "bublewrap" } }, /no jail driver "bublewrap"\. The drivers are: bubblewrap/],
    [{ dataDir, jails: "none" }, /jails must be an object/],
    [{ dataDir, vault: { login: false } }, /vault has no option "login"/],
    [{ dataDir, egress: { budget: [] } }, /egress has no option "budget"/],
    [{ dataDir, plugins: { grant: {} } }, /plugins has no option "grant"/],
    [{ dataDir, broker: { constructor: 1 } }, /broker has no option "constructor"/],
  ];
  for (const [config, words] of cases)
    await assert.rejects(
      // As a program of plain JavaScript calls it.
      async () => Reflect.apply(createGate, undefined, [config]),
      (error) => isErrorCode(error, "gate", "invalid_config") && words.test(error.message),
      JSON.stringify(config),
    );
  assert.equal(existsSync(dataDir), false);
});

test("without a data directory nothing opens, and nothing is written into the working directory", async (t) => {
  const [folder, before] = [temporaryDirectory(t), process.cwd()];
  process.chdir(folder);
  t.after(() => process.chdir(before));
  const refused = (error: unknown) =>
    isErrorCode(error, "gate", "invalid_config") && /was given no data directory. Pass/.test(error.message);
  const calls: Record<string, (dataDir: unknown) => unknown> = {
    createGate: (dataDir) => Reflect.apply(createGate, undefined, [{ ...hostOnly, dataDir }]),
    openVault: (dataDir) => Reflect.apply(openVault, undefined, [dataDir]),
    openAudit: (dataDir) => Reflect.apply(openAudit, undefined, [dataDir]),
    loadEgressConfig: (dataDir) => Reflect.apply(loadEgressConfig, undefined, [dataDir]),
    readBudgetStatus: (dataDir) => Reflect.apply(readBudgetStatus, undefined, [dataDir]),
  };
  for (const [name, call] of Object.entries(calls))
    for (const dataDir of [undefined, "", " ", null, 1])
      await assert.rejects(async () => call(dataDir), refused, `${name} of ${JSON.stringify(dataDir)}`);
  assert.deepEqual(readdirSync(folder), []);
});

test("rules that the program gives are not added to", async (t) => {
  const policy: Policy = { decide: () => ({ action: "allow", rule: "all", reason: "" }) };
  const gate = await openGate(t, { ...hostOnly, policy });
  await assert.rejects(
    gate.addPolicyRule({ id: "drafts", tools: ["note_draft"], action: "allow" }, { by: "ada" }),
    (error) => isErrorCode(error, "policy", "no_file"),
  );
});

test("a directory that others could read is closed to them", async (t) => {
  const dataDir = temporaryDirectory(t);
  const directory = join(dataDir, "gate");
  mkdirSync(directory);
  chmodSync(directory, 0o755);
  await openGate(t, { ...hostOnly, dataDir });
  assert.equal(statSync(directory).mode & 0o777, 0o700);
});

test("a rule that is added is on record, with who added it", async (t) => {
  const dataDir = temporaryDirectory(t);
  writeFileSync(join(dataDir, "policy.json"), JSON.stringify({ version: 1, rules: [] }));
  const gate = await openGate(t, { ...hostOnly, dataDir });
  await gate.addPolicyRule({ id: "drafts", tools: ["note_draft"], action: "allow" }, { by: "ada" });
  const [record] = await gate.audit.query({ type: "policy.rule_added" });
  assert.deepEqual(record?.data, { rule: "drafts", tools: ["note_draft"], by: "ada" });
});

test("an accepted rule that was made a refusal in the file is not removed as one", async (t) => {
  const dataDir = temporaryDirectory(t);
  const gate = await openGate(t, { ...hostOnly, dataDir });
  for (const id of ["drafts", "posts"])
    await gate.addPolicyRule({ id, tools: [`note_${id}`], action: "allow" }, { by: "ada" });
  const path = join(dataDir, "policy.json");
  const { rules } = parsePolicy(readFileSync(path));
  const changed = rules.map((rule) => (rule.id === "drafts" ? { ...rule, action: "deny" } : rule));
  writeFileSync(path, JSON.stringify({ version: 1, rules: changed }));
  assert.deepEqual(
    (await gate.acceptedRules()).map(({ rule }) => rule.id),
    ["posts"],
  );
  assert.equal(await gate.removePolicyRule("drafts", "ada"), false);
  assert.equal(await gate.removePolicyRule("posts", "ada"), true);
  assert.deepEqual(
    parsePolicy(readFileSync(path)).rules.map(({ id, action }) => `${action} ${id}`),
    ["deny drafts"],
  );
});

test("a rule that could not be added is on record as that", async (t) => {
  const dataDir = temporaryDirectory(t);
  const rules = ["ask", "deny"].map((action) => ({ id: action, tools: ["note_*"], action }));
  writeFileSync(join(dataDir, "policy.json"), JSON.stringify({ version: 1, rules }));
  const gate = await openGate(t, { ...hostOnly, dataDir });
  await assert.rejects(
    gate.addPolicyRule({ id: "drafts", tools: ["note_draft"], action: "allow" }, { by: "ada" }),
    (error) => isErrorCode(error, "policy", "rule_conflict"),
  );
  const records = await gate.audit.query({ type: "policy.rule_*" });
  const data = { rule: "drafts", tools: ["note_draft"], by: "ada" };
  assert.deepEqual(
    records.map((each) => [each.type, each.data]),
    [
      ["policy.rule_added", data],
      ["policy.rule_refused", data],
    ],
  );
});

test("a rule for which the disk has no room is told as that, and is not in force", {
  skip: !isRoot && "needs root to mount a small file system",
}, async (t) => {
  const disk = fullDisk(t, "rules", { "rules.json": JSON.stringify({ version: 1, rules: [] }) });
  if (disk === undefined) return t.skip("no file system can be mounted");
  const dataDir = temporaryDirectory(t);
  symlinkSync(join(disk, "rules.json"), join(dataDir, "policy.json"));
  const gate = await openGate(t, { ...hostOnly, dataDir });
  await assert.rejects(
    gate.addPolicyRule({ id: "drafts", tools: ["note_draft"], action: "allow" }, { by: "ada" }),
    (error) => isErrorCode(error, "policy", "unavailable") && /no space left on device/.test(error.message),
  );
  assert.deepEqual(
    (await gate.audit.query({ type: "policy.rule_*" })).map((each) => each.type),
    ["policy.rule_added", "policy.rule_refused"],
  );
  assert.equal((await gate.status()).policy.rules, 0);
});

test("rules that are added at once are all in the file", async (t) => {
  const dataDir = temporaryDirectory(t);
  const gate = await openGate(t, { ...hostOnly, dataDir });
  const ids = ["first", "second", "third"];
  await Promise.all(
    ids.map((id) => gate.addPolicyRule({ id, tools: [`note_${id}`], action: "allow" }, { by: "ada" })),
  );
  const { rules } = parsePolicy(readFileSync(join(dataDir, "policy.json")));
  assert.deepEqual(
    rules.map(({ id }) => id),
    ids,
  );
});

test("a policy file that is a link stays one, and a rule is added to the file behind it", async (t) => {
  const [dataDir, path] = [temporaryDirectory(t), join(temporaryDirectory(t), "rules.json")];
  writeFileSync(path, JSON.stringify({ version: 1, rules: [] }));
  symlinkSync(path, join(dataDir, "policy.json"));
  const gate = await openGate(t, { ...hostOnly, dataDir });
  await gate.addPolicyRule({ id: "drafts", tools: ["note_draft"], action: "allow" }, { by: "ada" });
  assert.equal(readlinkSync(join(dataDir, "policy.json")), path);
  assert.deepEqual(
    parsePolicy(readFileSync(path)).rules.map(({ id }) => id),
    ["drafts"],
  );
});
