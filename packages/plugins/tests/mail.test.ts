/** Mail, as an agent's calls send and read it: the real gate, and real SMTP and IMAP servers. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createGate, type Gate, type PluginsConfig } from "@holdfast/gate";
import { pluginsDirectory } from "@holdfast/plugins";
import { type MailServer, mailServerProblem, startMailServer } from "@holdfast/testing/mail-server";
import { removeAtExit } from "@holdfast/testing/scratch";
import { createTransport } from "nodemailer";
import { provenJails } from "./proven-jails.ts";

type PluginEvent = Parameters<NonNullable<PluginsConfig["onEvent"]>>[0];

/** A gate whose operator has written `plugins.json`, as one does for the product. */
async function open(
  t: TestContext,
  server?: MailServer,
  config?: Readonly<Record<string, unknown>>,
  more: Pick<PluginsConfig, "onEvent"> & { readonly dataDir?: string } = {},
) {
  const { onEvent, dataDir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-mail-gate-"))) } = more;
  chmodSync(dataDir, 0o755);
  removeAtExit(dataDir);
  if (server !== undefined) {
    const mail = {
      connections: { imap: server.imap, smtp: server.smtp },
      config: {
        address: server.address,
        name: "Ada Lovelace",
        smtp_security: "starttls",
        ca: server.certificate,
        ...config,
      },
    };
    writeFileSync(join(dataDir, "plugins.json"), JSON.stringify({ version: 1, plugins: { mail } }));
  }
  const gate = await createGate({
    dataDir,
    jails: provenJails,
    vault: { env: {}, logins: false },
    plugins: {
      builtInDirectory: pluginsDirectory,
      watch: false,
      ...(onEvent === undefined ? {} : { onEvent }),
    },
  });
  t.after(() => gate.close());
  if (server !== undefined) await gate.plugins.setCredential("mail", "IMAP_PASSWORD", server.password);
  const call = (name: string, args: Record<string, unknown> = {}, group = "alpha") =>
    invoke(gate, name, args, group);
  return { gate, call, dataDir };
}

async function invoke(gate: Gate, name: string, args: Record<string, unknown>, group: string) {
  const tool = gate.plugins.tools().find((each) => each.name === `mail_${name}`);
  assert.ok(tool, name);
  const outcome = await gate.plugins.invoke({
    tool,
    arguments: args,
    principal: { jailId: "j", session: "s", group },
    correlation: "c",
    signal: new AbortController().signal,
  });
  return outcome.ok
    ? { text: JSON.stringify(outcome.result) }
    : { text: `${outcome.error.code} ${outcome.error.field ?? "-"}: ${outcome.error.message}` };
}

test("mail without a server says so, asks for sending alone, and its answers taint", async (t) => {
  const { gate, call } = await open(t);
  assert.match((await call("search")).text, /^NOT_CONFIGURED/);
  assert.match(
    (await call("send", { to: ["a@b.example"], subject: "x", text: "y" })).text,
    /^NOT_CONFIGURED/,
  );
  assert.deepEqual(
    gate.plugins
      .tools()
      .filter((each) => each.plugin === "mail")
      .map(({ name, riskLevel, untrusted = false }) => `${name} ${riskLevel} ${untrusted}`),
    [
      "mail_list low false",
      "mail_search low true",
      "mail_read low true",
      "mail_attachment low true",
      "mail_send high false",
    ],
  );
});

const problem = mailServerProblem();

test("mail", { skip: problem ?? false }, async (t) => {
  const server = await startMailServer();
  t.after(() => server.close());
  const { gate, call } = await open(t, server, {
    recipients: [server.address, "@friends.example"],
    groups: ["alpha"],
    sent_folder: "Sent",
  });
  const { address } = server;
  const read = async (args: Record<string, unknown>) => (await call("read", args)).text;
  /** Messages that the server has taken: their lines are there before its yes. */
  const taken = () =>
    server
      .log()
      .split("\n")
      .filter((line) => line.includes(" <= ")).length;
  /** Delivery comes after the server's yes. */
  const arrived = async (subject: string): Promise<number> => {
    for (;;) {
      const found = /"uid":(\d+)/.exec((await call("search", { subject })).text);
      if (found !== null) return Number(found[1]);
      await sleep(20);
    }
  };

  await t.test("arrives as it was written, and a copy is kept", async () => {
    const text = "Grüße\n.\nFrom here\nthe end";
    const base64 = Buffer.from([0, 255, 10, 13]).toString("base64");
    const sent = await call("send", {
      to: [address],
      bcc: ["someone@friends.example"],
      subject: "Über den Zaun",
      text,
      attachments: [{ name: "añ o.bin", base64 }],
    });
    assert.match(sent.text, /"accepted":\[".*","someone@friends\.example"\],"copied":true/);
    const uid = await arrived("Zaun");
    const message = await read({ uid });
    assert.match(message, /"from":\["Ada Lovelace <me@.*"subject":"Über den Zaun".*"seen":false/);
    assert.ok(message.includes(JSON.stringify(text).slice(1, -1)), message);
    assert.doesNotMatch(message, /someone@friends/);
    const part = /"part":"(\d[\d.]*)","type":"application\/octet-stream","name":"añ o\.bin"/.exec(
      message,
    )?.[1];
    assert.match(
      (await call("attachment", { uid, part })).text,
      new RegExp(`"bytes":4,"base64":"${base64}"`),
    );
    assert.match((await call("attachment", { uid, part: "9" })).text, /^NOT_FOUND part/);
    assert.match(await read({ uid, max_bytes: 3 }), /"text":"Gr","truncated":true/);
    assert.match((await call("search", { folder: "Sent" })).text, /Über den Zaun.*"seen":true/);
    assert.match((await call("list")).text, /"folder":"Sent","use":"sent","messages":1,"unseen":0/);
  });

  await t.test("an answer names what it answers", async () => {
    const uid = await arrived("Zaun");
    const sent = await call("send", { to: [address], subject: "Re: answer", text: "yes", reply_to_uid: uid });
    assert.match(sent.text, /"accepted"/);
    const original = /"message_id":"([^"]+)"/.exec(await read({ uid }))?.[1];
    const answer = await read({ uid: await arrived("answer") });
    assert.equal(/"in_reply_to":"([^"]+)"/.exec(answer)?.[1], original);
  });

  await t.test("nothing is sent that says otherwise than it looks", async () => {
    const before = taken();
    const good = { to: [address], subject: "refused", text: "x" };
    for (const [args, expected] of [
      [{ ...good, subject: "a\r\nBcc: thief@evil.example" }, /^HANDLER_ERROR subject/],
      [{ ...good, subject: "a\u2028b" }, /^HANDLER_ERROR subject/],
      [{ ...good, to: [`${address}\nthief@evil.example`] }, /^HANDLER_ERROR to/],
      [{ ...good, to: [`Me <${address}>`] }, /^HANDLER_ERROR to/],
      [{ ...good, cc: [`${address},thief@evil.example`] }, /^HANDLER_ERROR cc/],
      [{ ...good, to: [] }, /^HANDLER_ERROR to/],
      [{ ...good, bcc: ["thief@evil.example"] }, /^RECIPIENT_NOT_ALLOWED bcc/],
      [{ ...good, cc: ["x@sub.friends.example"] }, /^RECIPIENT_NOT_ALLOWED cc/],
      [{ ...good, to: Array.from({ length: 51 }, (_, n) => `a${n}@friends.example`) }, /^HANDLER_ERROR to/],
      [{ ...good, attachments: [{ name: "../a", base64: "" }] }, /^HANDLER_ERROR attachments/],
      [{ ...good, attachments: [{ name: "a", path: "/etc/passwd" }] }, /^HANDLER_ERROR attachments/],
      [{ ...good, attachments: [{ name: "a", base64: "A".repeat(699_056) }] }, /^HANDLER_ERROR attachments/],
      [{ ...good, reply_to_uid: 4_000 }, /^NOT_FOUND uid/],
    ] as const) {
      assert.match((await call("send", args)).text, expected);
    }
    assert.match((await call("search", { subject: "a\r\nx LOGOUT" })).text, /^HANDLER_ERROR subject/);
    assert.match((await call("search", { folder: "a\r\nx LOGOUT" })).text, /^HANDLER_ERROR folder/);
    for (const since of ["1 Jan", "2026-02-30", "2026-13-01"])
      assert.match((await call("search", { since })).text, /^HANDLER_ERROR since/, since);
    assert.match((await call("search", { folder: "Nowhere" })).text, /^NOT_FOUND folder/);
    assert.match((await call("search", {}, "beta")).text, /^NOT_ALLOWED/);
    assert.equal(taken(), before);
  });

  await t.test("what the server refuses is told", async () => {
    const some = await call("send", { to: [address, "nobody@friends.example"], subject: "some", text: "x" });
    assert.match(some.text, /"accepted":\["me@[^\]]*"\],"rejected":\["nobody@friends\.example"\]/);
    const none = await call("send", { to: ["nobody@friends.example"], subject: "none", text: "x" });
    assert.match(none.text, /^MAIL_REFUSED -: .*no such person/);
  });

  await t.test("what arrives is published once, in order, also over a restart and refusals", async (t) => {
    const sender = `eve@${address.slice(address.indexOf("@") + 1)}`;
    const transport = createTransport({
      ...{ host: server.smtp.host, port: server.smtp.port, requireTLS: true },
      tls: { ca: server.certificate },
      auth: { user: address, pass: server.password },
    });
    const send = async (subject: string, from = sender) => {
      await transport.sendMail({ from, to: address, subject, text: `Text of ${subject}\n` });
    };
    const events: PluginEvent[] = [];
    let refusals = 1;
    let changed = Promise.withResolvers<void>();
    const onEvent = async (event: PluginEvent) => {
      if (event.source !== "plugin:mail") return;
      // As a group does whose queue is full.
      if (refusals-- > 0) throw new Error("not now");
      events.push(event);
      changed.resolve();
    };
    const until = async (count: number) => {
      for (; events.length < count; changed = Promise.withResolvers()) await changed.promise;
    };
    // Nobody looks for an hour: what comes meanwhile is reported by the server.
    const config = { watch_group: "alpha", watch_seconds: 3_600, watch_from: [sender], groups: ["alpha"] };
    const first = await open(t, server, config, { onEvent });
    // The person's password comes after the start here; until then the watcher tries again.
    const mark = join(first.dataDir, "gate", "plugins", "mail", "data", "watch.json");
    while (!existsSync(mark)) await sleep(20);
    await send("own", address);
    await send("stranger", `mallory@${address.slice(address.indexOf("@") + 1)}`);
    await send("first news");
    await until(1);
    const { topic, group, payload } = events[0] ?? {};
    assert.deepEqual([topic, group], ["mail.received", "alpha"]);
    assert.match(
      String(payload?.["body"]),
      /^Subject: first news\nMessage \d+ of the folder INBOX .*\n\nText of first news\n/,
    );
    assert.equal(payload?.["sender"], sender);
    await first.gate.close();
    await send("while away");
    await server.waitForDelivery("while away");
    const { dataDir } = first;
    const second = await open(t, server, config, { onEvent, dataDir });
    await until(2);
    await send("after it");
    await until(3);
    // Before its folder goes, which is that of the first.
    await second.gate.close();
    assert.deepEqual(
      events.map((event) => event.payload["subject"]),
      ["first news", "while away", "after it"],
    );
    assert.equal(new Set(events.map((event) => event.payload["event_id"])).size, 3);
  });

  await t.test("each connection is on record, and only to the two servers", async () => {
    const hosts = (await gate.audit.query({ type: "plugin.connection", limit: 1_000 })).map(
      ({ data }) => `${data?.["connection"]} ${data?.["host"]}`,
    );
    assert.deepEqual([...new Set(hosts)].sort(), [
      `imap ${server.imap.host}:${server.imap.port}`,
      `smtp ${server.smtp.host}:${server.smtp.port}`,
    ]);
    assert.equal((await gate.plugins.verify("mail")).ok, true);
  });

  await t.test("a wrong password, and a certificate that nobody vouches for, are told", async (t) => {
    const args = { to: [address], subject: "x", text: "x" };
    await gate.plugins.setCredential("mail", "SMTP_PASSWORD", "another one");
    assert.match((await call("send", args)).text, /^MAIL_LOGIN_FAILED/);
    const strange = await open(t, server, { ca: "" });
    assert.match((await strange.call("search")).text, /^MAIL_UNAVAILABLE/);
    assert.match((await strange.call("send", args)).text, /^MAIL_UNAVAILABLE/);
    assert.equal((await strange.gate.plugins.verify("mail")).ok, false);
  });
});
