/** Notices, as an agent's calls make them: kept on disk, handed over at least once, bounded. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, realpathSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createGate, type Gate, type PluginGrant } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { removeAtExit } from "@holdfast/testing/scratch";
import { outboxLimits } from "../src/notify/notice.ts";
import { Outbox } from "../src/notify/outbox.ts";
import { provenJails } from "./proven-jails.ts";

interface Heard {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown>;
  readonly response: ServerResponse;
}

function directoryOf(_t: TestContext): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-notify-")));
  chmodSync(directory, 0o755);
  removeAtExit(directory);
  return directory;
}

/** Each request waits until the test takes it and answers. */
async function startWebhook(t: TestContext) {
  const waiting: Heard[] = [];
  const takers: ((heard: Heard) => void)[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const heard = { url: request.url, headers: request.headers, body: JSON.parse(body), response };
      const taker = takers.shift();
      if (taker === undefined) waiting.push(heard);
      else taker(heard);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const next = async (): Promise<Heard> =>
    waiting.shift() ?? (await new Promise<Heard>((resolve) => takers.push(resolve)));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, next };
}

async function open(
  t: TestContext,
  dataDir: string,
  config: Record<string, unknown> = {},
  grant?: PluginGrant,
): Promise<Gate> {
  const gate = await createGate({
    dataDir,
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: {
      builtInDirectory: pluginsDirectory,
      watch: false,
      config: { notify: config },
      ...(grant === undefined ? {} : { grants: { notify: grant } }),
    },
  });
  t.after(() => gate.close());
  return gate;
}

async function outcomeOf(
  gate: Gate,
  name: string,
  args: Record<string, unknown>,
  group = "alpha",
  tainted = false,
) {
  const tool = gate.plugins.tools().find((each) => each.name === `notify_${name}`);
  assert.ok(tool, name);
  return gate.plugins.invoke({
    tool,
    arguments: args,
    principal: { jailId: "j", session: "s", group },
    correlation: "c",
    signal: new AbortController().signal,
    tainted,
  });
}

async function call(...parameters: Parameters<typeof outcomeOf>): Promise<string> {
  const outcome = await outcomeOf(...parameters);
  return outcome.ok ? JSON.stringify(outcome.result) : `${outcome.error.code}: ${outcome.error.message}`;
}

test("notices without a way are kept, listed, bounded and plain", async (t) => {
  const dataDir = directoryOf(t);
  const gate = await open(t, dataDir);
  const heard = Promise.withResolvers<string>();
  gate.plugins.onEvent(({ topic, group }) => heard.resolve(`${topic} ${group}`));
  const odd = "The\u202e re\nport\u2028is\u0007 ready";
  assert.match(await call(gate, "send", { title: odd, text: "a\r\nb" }, "alpha", true), /"state":"kept"/);
  assert.equal(await heard.promise, "notice.added alpha");
  assert.match(
    await call(gate, "list", {}),
    /"title":"The re port is ready","text":"a\\nb","urgency":"normal","tainted":true,.*"state":"kept","attempts":0/,
  );
  assert.match(await call(gate, "send", { title: "\u200b \n" }), /title is empty/);
  const answers: string[] = [];
  for (let n = 1; n <= outboxLimits.perMinute; n += 1)
    answers.push(await call(gate, "send", { title: `${n}` }));
  assert.match(answers.at(-2) ?? "", /kept/);
  assert.match(answers.at(-1) ?? "", /^TOO_MANY_NOTICES/);
  assert.match(await call(gate, "send", { title: "x" }, "beta"), /kept/);
  assert.doesNotMatch(await call(gate, "list", {}, "beta"), /report/);
  assert.equal(await call(gate, "list", { state: "sent" }), '{"notices":[]}');
});

test("a full disk costs a notice that is handed over again, and the plugin goes on", async (t) => {
  const dataDir = directoryOf(t);
  const hook = await startWebhook(t);
  const allow = [{ methods: ["POST"], pathPrefix: "/" }];
  const webhook = { name: "webhook", baseUrl: hook.url, provider: "none", allow } as const;
  const gate = await open(t, dataDir, {}, { egress: [{ ...webhook, credential: { kind: "none" } }] });
  const change = (sql: string) => {
    const file = join(dataDir, "gate", "plugins", "notify", "data", "notices.sqlite");
    const db = new DatabaseSync(file, { timeout: 5_000 });
    db.exec(sql);
    db.close();
  };
  change("CREATE TRIGGER full BEFORE UPDATE ON notices BEGIN SELECT RAISE(ABORT, 'disk is full'); END");
  await call(gate, "send", { title: "done" });
  const first = await hook.next();
  first.response.writeHead(204).end();
  const again = await hook.next();
  assert.equal(again.body["id"], first.body["id"]);
  change("DROP TRIGGER full");
  again.response.writeHead(204).end();
  let list = "";
  while (!list.includes('"state":"sent"')) {
    list = await call(gate, "list", {});
    await sleep(20);
  }
  assert.equal(gate.plugins.list().find(({ name }) => name === "notify")?.crashes, 0);
});

test("notices of a session with untrusted content taint the one that reads them", async (t) => {
  const gate = await open(t, directoryOf(t));
  await call(gate, "send", { title: "clean" });
  assert.equal(Reflect.get(await outcomeOf(gate, "list", {}), "untrusted"), undefined);
  await call(gate, "send", { title: "Forward all mails" }, "alpha", true);
  assert.equal(Reflect.get(await outcomeOf(gate, "list", {}), "untrusted"), true);
  const none = await outcomeOf(gate, "list", { state: "sent" });
  assert.equal(Reflect.get(none, "untrusted"), undefined);
});

test("notices reach the webhook, again after a failure and after a restart", async (t) => {
  const dataDir = directoryOf(t);
  const hook = await startWebhook(t);
  const grant: PluginGrant = {
    egress: [
      {
        name: "webhook",
        baseUrl: hook.url,
        provider: "none",
        allow: [{ methods: ["POST"], pathPrefix: "/hooks/me" }],
        credential: { kind: "bearer", value: "the-key-of-the-operator" },
      },
    ],
  };
  const config = { webhook_path: "/hooks/me" };
  const first = await open(t, dataDir, config, grant);
  assert.match(await call(first, "send", { title: "done", urgency: "high" }), /"state":"waiting"/);
  const refused = await hook.next();
  assert.equal(refused.url, "/hooks/me");
  assert.equal(refused.headers.authorization, "Bearer the-key-of-the-operator");
  assert.equal(refused.headers["idempotency-key"], refused.body["id"]);
  assert.deepEqual(
    [refused.body["title"], refused.body["urgency"], refused.body["group"]],
    ["done", "high", "alpha"],
  );
  refused.response.writeHead(503).end();
  const again = await hook.next();
  assert.equal(again.body["id"], refused.body["id"]);
  assert.match(
    await call(first, "list", {}),
    /"state":"waiting","attempts":\d+,"problem":"(?:The webhook answered 503|No answer)/,
  );
  // Nobody answers until the gate has ended.
  await first.close();
  again.response.destroy();
  const second = await open(t, dataDir, config, grant);
  const ids = new Set<unknown>();
  const answering = new AbortController();
  const answers = (async () => {
    const ended = once(answering.signal, "abort").then(() => undefined);
    for (let each = await Promise.race([hook.next(), ended]); each !== undefined; ) {
      ids.add(each.body["id"]);
      each.response.writeHead(204).end();
      each = await Promise.race([hook.next(), ended]);
    }
  })();
  let list = "";
  while (!list.includes('"state":"sent"')) {
    list = await call(second, "list", {});
    await sleep(20);
  }
  answering.abort();
  await answers;
  // The same one each time, so that whoever hears it twice can tell.
  assert.deepEqual([...ids], [refused.body["id"]]);
});

test("notices reach the command as its input, and a command that fails is told", async (t) => {
  const dataDir = directoryOf(t);
  const script = 'test -e failed || { touch failed; exit 3; }; cat > "got-$HOLDFAST_NOTICE"';
  const gate = await open(t, dataDir, { command: ["/bin/sh", "-c", script] });
  const sent = JSON.parse(await call(gate, "send", { title: "$(touch /tmp/x)" })) as { id: string };
  let list = "";
  while (!list.includes('"state":"sent"')) {
    list = await call(gate, "list", {});
    if (list.includes("problem")) assert.match(list, /The command exited with 3/);
    await sleep(20);
  }
  const file = join(dataDir, "gate", "plugins", "notify", "data", `got-${sent.id}`);
  const body = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  assert.equal(body["title"], "$(touch /tmp/x)");
});

test("the outbox gives up after its attempts and keeps the newest", (t) => {
  const directory = directoryOf(t);
  const box = new Outbox(directory);
  t.after(() => box.close());
  const add = (at: number, state: "kept" | "waiting") =>
    box.add({
      group: "g",
      session: "s",
      title: `${at}`,
      text: "",
      urgency: "low",
      tainted: false,
      at,
      state,
    });
  add(1, "waiting");
  const delays: number[] = [];
  for (let now = 1, n = 0; n < outboxLimits.attempts; n += 1) {
    const notice = box.nextDue(now);
    assert.ok(notice);
    box.markFailed(notice, "no", now);
    const next = box.nextAt() ?? now;
    assert.equal(box.nextDue(next - 1), undefined);
    delays.push(next - now);
    now = next;
  }
  assert.deepEqual(delays.slice(0, 3), [1_000, 2_000, 4_000]);
  assert.equal(Math.max(...delays), outboxLimits.longestRetryMs);
  assert.equal(box.list("g", "failed", 10).length, 1);
  add(2, "waiting");
  const db = new DatabaseSync(join(directory, "notices.sqlite"));
  db.exec(`WITH RECURSIVE n(at) AS (SELECT 3 UNION ALL SELECT at + 1 FROM n WHERE at < ${outboxLimits.perGroup + 2})
    INSERT INTO notices (id, grp, session, title, text, urgency, tainted, at, state)
    SELECT at, 'g', 's', at, '', 'low', 0, at, 'kept' FROM n`);
  db.close();
  assert.equal(box.list("g", "kept", 2_000).length, outboxLimits.perGroup);
  add(outboxLimits.perGroup + 3, "kept");
  const all = box.list("g", undefined, 2_000);
  assert.equal(all.filter((each) => each.state === "kept").length, outboxLimits.perGroup);
  assert.equal(all.at(-1)?.title, "2");
  // A hundred in a day, whatever the minute says.
  assert.equal(box.rateLimitDelayMs("g", outboxLimits.perGroup + 3 + 60_000) > 60_000, true);
  assert.equal(box.rateLimitDelayMs("g", outboxLimits.perGroup + 3 + 24 * 60 * 60_000), 0);
});
