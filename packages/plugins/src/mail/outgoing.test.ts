/** Errors of a send whose connection breaks, against servers that break it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { ToolError } from "@holdfast/gate/plugin";
import { send } from "./outgoing.ts";

type Say = (command: string, socket: Socket) => string | undefined;

const polite = /^(?:EHLO|MAIL|RCPT)/;

/** SMTP server without login. `say` answers each command and the end of a message. */
async function serverOf(t: TestContext, say: Say) {
  const server = createServer((socket) => {
    let inMessage = false;
    let received = "";
    socket.on("error", () => {});
    socket.write("220 test\r\n");
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
      for (;;) {
        const end = inMessage ? received.indexOf("\r\n.\r\n") : received.indexOf("\r\n");
        if (end < 0) return;
        const command = inMessage ? "." : received.slice(0, end);
        received = received.slice(end + (inMessage ? 5 : 2));
        inMessage = command === "DATA";
        const answer = say(command, socket) ?? (inMessage ? "354 go on" : "250 yes");
        if (answer !== "") socket.write(`${answer}\r\n`);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return {
    connection: { host: "127.0.0.1", port: 25, localPort: address.port },
    security: "none",
    tls: {},
    user: "me@example.com",
    password: () => "unused",
  } as const;
}

const outgoing = {
  messageId: "<1@example.com>",
  recipients: ["ada@example.com"],
  raw: Buffer.from("Subject: x\r\n\r\nhello\r\n"),
};

async function codeOf(t: TestContext, say: Say, signal?: AbortSignal): Promise<string> {
  const server = await serverOf(t, say);
  const error = await send(outgoing, server, "me@example.com", signal).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error === undefined) return "sent";
  assert.ok(error instanceof ToolError);
  return `${error.code} ${error.retriable}`;
}

test("a message that the server received but did not confirm may have been sent: it is not retried", async (t) => {
  assert.equal(await codeOf(t, () => undefined), "sent");
  const silent: Say = (command, socket) => {
    if (command !== ".") return undefined;
    socket.destroy();
    return "";
  };
  assert.equal(await codeOf(t, silent), "MAIL_UNCERTAIN false");
});

test("a message that the server did not receive, or refused, was not sent", async (t) => {
  const away: Say = (command, socket) => {
    if (!polite.test(command)) return undefined;
    socket.destroy();
    return "";
  };
  assert.equal(await codeOf(t, away), "MAIL_UNAVAILABLE true");
  assert.equal(
    await codeOf(t, (command) => (command === "." ? "451 later" : undefined)),
    "MAIL_UNAVAILABLE true",
  );
  assert.equal(await codeOf(t, (command) => (command === "." ? "554 no" : undefined)), "MAIL_REFUSED false");
});

test("aborting a call while it sends a message closes its connection", async (t) => {
  const call = new AbortController();
  const closed = Promise.withResolvers<void>();
  const waiting: Say = (command, socket) => {
    if (command !== ".") return undefined;
    socket.once("close", () => closed.resolve());
    call.abort();
    return "";
  };
  assert.equal(await codeOf(t, waiting, call.signal), "MAIL_UNCERTAIN false");
  await closed.promise;
});
