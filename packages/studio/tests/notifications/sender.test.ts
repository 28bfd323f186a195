/** Notifications over real HTTP and SMTP: what push services, webhooks and mail servers get, and where nothing is sent. */
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { describe, type TestContext, test } from "node:test";
import { silentLogger, systemPorts } from "@holdfast/core";
import { PublicResolver } from "@holdfast/gate";
import { mailServerProblem, startMailServer } from "@holdfast/testing/mail-server";
import { type PushService, startPushService } from "@holdfast/testing/push-service";
import type { Destination, NotificationMessage } from "../../src/backend/notifications/port.ts";
import { OutgoingHttp } from "../../src/notifications/outgoing-http.ts";
import { newPushKeys, WebPush } from "../../src/notifications/push.ts";
import { NotificationSender } from "../../src/notifications/sender.ts";
import { createMailer } from "../../src/people/mail/mailer.ts";

const loopback = ["127.0.0.0/8"];

interface Options {
  readonly networks?: readonly string[];
  /** Answers of the resolver of names. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  readonly timeoutMs?: number;
  readonly smtp?: string;
}

async function open(t: TestContext, options: Options = {}) {
  const secrets = new Map<string, string>();
  const abort = new AbortController();
  const { networks = loopback, resolve, timeoutMs = 5_000, smtp } = options;
  const http = new OutgoingHttp({
    ...{ names: new PublicResolver(networks, resolve), timeoutMs, signal: abort.signal },
  });
  const keys = await newPushKeys();
  const mailer =
    smtp === undefined ? undefined : await createMailer({ url: smtp, from: "Holdfast <studio@example.org>" });
  const contact = () => "mailto:operator@example.org";
  const sender = new NotificationSender({
    ...{ http, mailer, origin: () => "https://studio.example.org", log: silentLogger },
    push: new WebPush({ http, contact, now: systemPorts().clock.now }),
    pushKeys: async () => keys,
    vault: {
      readSecret: async ({ name }) => secrets.get(name),
      setSecret: async ({ name }, value) => void secrets.set(name, value),
      deleteSecret: async ({ name }) => secrets.delete(name),
    },
    standing: async () => ({ mayRead: true, mayAnswer: true, email: null }),
    mentioned: async () => [],
  });
  t.after(() => abort.abort());
  return { sender, keys, secrets, abort };
}

const task = { id: "t1", title: "Fix <the> | login", repository: "/r", agent: "demo" };
const message = (more: Partial<NotificationMessage> = {}): NotificationMessage => ({
  ...{ id: "m1", entry: "t1", kind: "finished", text: "", at: 5, task },
  ...more,
});

interface Hook {
  readonly url: string;
  readonly got: { readonly headers: IncomingHttpHeaders; readonly body: string }[];
  answer: (response: ServerResponse) => void;
}

async function startHook(t: TestContext): Promise<Hook> {
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        hook.got.push({ headers: request.headers, body });
        hook.answer(response);
      },
      () => response.destroy(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const hook: Hook = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    got: [],
    answer: (response) => void response.end("ok"),
  };
  return hook;
}

const reasonOf = async (outcome: ReturnType<NotificationSender["send"]>) => {
  const found = await outcome;
  assert.ok(!found.isDelivered);
  return found;
};

describe("web push", () => {
  let service: PushService;
  const push = async (t: TestContext) => {
    service = await startPushService();
    t.after(() => service.close());
    const opened = await open(t);
    const { endpoint, keys } = service.subscribe(opened.keys.publicKey);
    const destination: Destination = { channel: "push", subscription: { endpoint, ...keys } };
    return { ...opened, destination };
  };

  test("reaches the browser encrypted and signed, and names a newer one of an entry alike", async (t) => {
    const { sender, destination } = await push(t);
    assert.deepEqual(await sender.send(destination, [message()]), { isDelivered: true });
    const expiresAt = Date.now() + 90_000;
    const approval = { id: "q", expiresAt, token: "secret", detail: "rm -rf build" };
    await sender.send(destination, [message({ kind: "asks", text: "Run a command", approval })]);
    const [first, second] = await service.waitFor(2);
    assert.deepEqual(JSON.parse(first?.text ?? ""), {
      ...{ version: 1, title: "Finished: Fix <the> | login", body: "", path: "/tasks/t1", tag: "t1" },
    });
    assert.deepEqual(JSON.parse(second?.text ?? ""), {
      ...{ version: 1, title: "Asks: Fix <the> | login", body: "Run a command\nrm -rf build" },
      ...{ path: "/tasks/t1", tag: "t1", token: "secret", mayAllow: true },
    });
    assert.equal(first?.topic, second?.topic);
    assert.deepEqual([first?.urgency, second?.urgency], ["normal", "high"]);
    assert.equal(first?.ttl, 24 * 60 * 60);
    assert.ok((second?.ttl ?? 0) <= 90);
    assert.equal(first?.contact, "mailto:operator@example.org");
  });

  test("fits into a message of the service, however long its texts are", async (t) => {
    const { sender, destination } = await push(t);
    const long = "\u{1f980}é".repeat(2_000);
    const task = { id: "t1", title: long, repository: "/r", agent: "demo" };
    assert.deepEqual(await sender.send(destination, [message({ text: long, task })]), { isDelivered: true });
    const many = Array.from({ length: 50 }, () => message({ task }));
    assert.deepEqual(await sender.send(destination, many), { isDelivered: true });
    assert.match(JSON.parse(service.messages[1]?.text ?? "{}").title, /^50 new/);
  });

  test("tells a subscription that is gone from a key that is refused and a service that is busy", async (t) => {
    const { sender, destination, keys } = await push(t);
    assert.ok(destination.channel === "push");
    service.faults.push((response) => void response.writeHead(429, { "retry-after": "120" }).end());
    const busy = await reasonOf(sender.send(destination, []));
    assert.deepEqual([busy.isFinal, busy.retryAfterMs], [false, 120_000]);
    service.faults.push((response) => void response.writeHead(503).end());
    assert.equal((await reasonOf(sender.send(destination, []))).isFinal, false);
    const other = service.subscribe((await newPushKeys()).publicKey);
    const subscription = { endpoint: other.endpoint, ...other.keys };
    const refused = await reasonOf(sender.send({ channel: "push", subscription }, []));
    assert.match(refused.error, /refused the key of this server \(403\)/);
    assert.deepEqual([refused.isFinal, refused.isGone], [true, undefined]);
    service.end(destination.subscription.endpoint);
    assert.equal((await reasonOf(sender.send(destination, []))).isGone, true);
    assert.equal(service.messages.length, 0, keys.publicKey);
  });
});

describe("a webhook", () => {
  test("is signed, has an id, and says no more than the inbox", async (t) => {
    const hook = await startHook(t);
    const { sender, secrets } = await open(t);
    secrets.set("s", "key");
    const approval = { id: "q", expiresAt: 9, token: "secret", detail: "rm" };
    const outcome = await sender.send({ channel: "webhook", url: hook.url, secret: "s" }, [
      message({ kind: "asks", text: "Run", approval }),
    ]);
    assert.deepEqual(outcome, { isDelivered: true });
    const { headers, body } = hook.got[0] ?? { headers: {}, body: "" };
    assert.equal(headers["webhook-id"], "m1");
    const signature = createHmac("sha256", "key").update(body).digest("hex");
    assert.equal(headers["x-hub-signature-256"], `sha256=${signature}`);
    assert.deepEqual(JSON.parse(body), {
      ...{ version: 1, id: "m1", kind: "asks", title: "Asks: Fix <the> | login", text: "Run", createdAt: 5 },
      url: "https://studio.example.org/tasks/t1",
      task: { id: "t1", title: "Fix <the> | login", repository: "/r", agent: "demo" },
      approval: { id: "q", expiresAt: 9 },
    });
  });

  test("of Slack is escaped, and its address stays out of reasons", async (t) => {
    const hook = await startHook(t);
    const { sender, secrets } = await open(t);
    secrets.set("s", `${hook.url}/TOKEN`);
    await sender.send({ channel: "slack", secret: "s" }, [
      message({ kind: "failed", text: "It <ended> & more" }),
    ]);
    assert.deepEqual(JSON.parse(hook.got[0]?.body ?? ""), {
      text: "*Failed* <https://studio.example.org/tasks/t1|Fix &lt;the&gt; / login>: It &lt;ended&gt; &amp; more",
    });
    hook.answer = (response) => void response.writeHead(404).end("no_service");
    const gone = await reasonOf(sender.send({ channel: "slack", secret: "s" }, []));
    assert.match(gone.error, /^127\.0\.0\.1:\d+ answered with status 404: no_service$/);
    assert.equal(gone.isFinal, true);
    secrets.clear();
    assert.match((await reasonOf(sender.send({ channel: "slack", secret: "s" }, []))).error, /vault/);
  });

  test("follows no redirect, reads no endless answer, and waits for no silent server", async (t) => {
    const hook = await startHook(t);
    const { sender, secrets } = await open(t, { timeoutMs: 200 });
    secrets.set("s", "key");
    const to: Destination = { channel: "webhook", url: hook.url, secret: "s" };
    hook.answer = (response) => void response.writeHead(302, { location: "http://169.254.169.254/" }).end();
    assert.match((await reasonOf(sender.send(to, []))).error, /status 302/);
    hook.answer = (response) => void response.writeHead(500).write("x".repeat(100_000));
    assert.match((await reasonOf(sender.send(to, []))).error, /status 500: x{120}$/);
    hook.answer = () => {};
    const silent = await reasonOf(sender.send(to, []));
    assert.match(silent.error, /did not answer in time/);
    assert.equal(silent.isFinal, false);
  });

  test("does not reach this machine, its neighbours or the metadata of a cloud, by no name", async (t) => {
    const hook = await startHook(t);
    const { port } = new URL(hook.url);
    const resolve = async () => ["127.0.0.1"];
    const { sender, secrets } = await open(t, { networks: [], resolve });
    secrets.set("s", "key");
    for (const url of [
      hook.url,
      `http://[::1]:${port}/`,
      `http://2130706433:${port}/`,
      `https://rebound.example:${port}/`,
      "http://169.254.169.254/latest/meta-data",
      "https://10.0.0.1/",
    ]) {
      const { error, isFinal } = await reasonOf(sender.send({ channel: "webhook", url, secret: "s" }, []));
      assert.match(error, /no public address/, url);
      assert.equal(isFinal, true);
    }
    for (const url of ["ftp://example.org/", "https://user:secret@example.org/"])
      assert.match(
        (await reasonOf(sender.send({ channel: "webhook", url, secret: "s" }, []))).error,
        /must begin with https/,
      );
    assert.equal(hook.got.length, 0);
  });

  test("crosses the internet encrypted only", async (t) => {
    const { sender, secrets } = await open(t, { networks: [], resolve: async () => ["93.184.215.14"] });
    secrets.set("s", "key");
    const to: Destination = { channel: "webhook", url: "http://example.org/", secret: "s" };
    assert.match((await reasonOf(sender.send(to, []))).error, /must begin with https/);
  });
});

describe("a mail", () => {
  test("has the words, the link and one id at every attempt", {
    skip: mailServerProblem() ?? false,
  }, async (t) => {
    const server = await startMailServer();
    t.after(() => server.close());
    const { host, port } = server.smtp;
    const login = `${encodeURIComponent(server.address)}:${encodeURIComponent(server.password)}`;
    // Its certificate is its own.
    const { sender } = await open(t, {
      smtp: `smtp://${login}@${host}:${port}?tls.rejectUnauthorized=false`,
    });
    const to: Destination = { channel: "mail", to: server.address };
    const words = message({ kind: "failed", text: "It ended", task: { ...task, title: "Fix it" } });
    assert.deepEqual(await sender.send(to, [words]), { isDelivered: true });
    const mail = await server.waitForDelivery("Failed: Fix it");
    assert.match(mail, /^Message-ID: <m1\.1@holdfast>/m);
    assert.match(mail, /Failed: Fix it\s+It ended\s+https:\/\/studio\.example\.org\/tasks\/t1/);
  });

  test("that cannot be sent has a reason that does not name the server", async (t) => {
    const { sender } = await open(t, { smtp: "smtp://127.0.0.1:1" });
    const down = await reasonOf(sender.send({ channel: "mail", to: "ada@example.org" }, []));
    assert.match(down.error, /mail server refused it or did not answer \((ESOCKET|ECONNREFUSED)\)/);
    assert.equal(down.isFinal, false);
  });
});
