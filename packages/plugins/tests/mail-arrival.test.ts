/** What waiting for mail does on a connection: a server of a few words, since a real one never ends it on cue. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { Mailbox } from "../src/mail/mailbox.ts";

type OnIdle = (socket: Socket, count: number) => void;

/** Speaks as much of IMAP as waiting for mail takes; `onIdle` hears of each IDLE by its number. */
async function openMailbox(t: TestContext, onIdle: OnIdle, onConnect = () => {}): Promise<Mailbox> {
  let idles = 0;
  const server = createServer((socket) => {
    onConnect();
    socket.on("error", () => {});
    socket.write("* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n");
    let [input, idle] = ["", ""];
    const answer = (line: string) => {
      const [tag = "", verb = ""] = line.split(" ");
      if (tag === "DONE") socket.write(`${idle} OK done\r\n`);
      else if (verb === "IDLE") {
        idle = tag;
        socket.write("+ idling\r\n");
        onIdle(socket, ++idles);
      } else {
        const state = "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 1] next\r\n";
        if (verb === "EXAMINE" || verb === "SELECT") socket.write(state);
        if (verb === "CAPABILITY") socket.write("* CAPABILITY IMAP4rev1 IDLE\r\n");
        if (verb === "LIST") socket.write('* LIST () "/" INBOX\r\n');
        socket.write(`${tag} OK done\r\n`);
      }
    };
    socket.on("data", (bytes) => {
      const lines = (input + bytes.toString("latin1")).split("\r\n");
      input = lines.pop() ?? "";
      lines.forEach(answer);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const mailbox = new Mailbox(
    {
      connection: { host: "127.0.0.1", port, localPort: port },
      ...{ security: "none", tls: {}, user: "ada", password: () => "secret" },
    },
    20,
  );
  t.after(() => mailbox.close());
  return mailbox;
}

test("waiting for mail goes on over the silence of the server, by asking again", async (t) => {
  const mailbox = await openMailbox(t, (socket, count) => {
    if (count === 4) socket.write("* 1 EXISTS\r\n");
  });
  assert.equal(await mailbox.waitForArrival("INBOX", 1, 60_000, t.signal), true);
});

test("a connection that is lost while mail is waited for is told, so that another is opened", async (t) => {
  const mailbox = await openMailbox(t, (socket, count) => {
    if (count === 1) socket.destroy();
    else socket.write("* 1 EXISTS\r\n");
  });
  await assert.rejects(mailbox.waitForArrival("INBOX", 1, 60_000, t.signal), { code: "MAIL_UNAVAILABLE" });
  assert.equal(await mailbox.waitForArrival("INBOX", 1, 60_000, t.signal), true);
});

test("the first calls, at the same time, share one connection", async (t) => {
  let connections = 0;
  const mailbox = await openMailbox(
    t,
    () => {},
    () => {
      connections += 1;
    },
  );
  await Promise.all([mailbox.verify(), mailbox.verify(), mailbox.verify()]);
  await mailbox.verify();
  assert.equal(connections, 1);
});
