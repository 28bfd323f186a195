import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { connect } from "node:tls";
import { readClientHello } from "./client-hello.ts";

/** First bytes of a real client. */
async function helloOf(servername: string | undefined): Promise<Buffer> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const accepted = once(server, "connection");
  const client = connect({
    host: "127.0.0.1",
    port,
    ...(servername === undefined ? {} : { servername }),
    rejectUnauthorized: false,
  });
  client.on("error", () => {});
  const [socket] = await accepted;
  const [data] = await once(socket, "data");
  client.destroy();
  socket.destroy();
  server.close();
  return data;
}

test("the server name is read from a real ClientHello, wherever it is cut", async () => {
  const hello = await helloOf("Files.Example.com");
  assert.deepEqual(readClientHello(hello), { state: "named", name: "files.example.com" });
  for (let length = 0; length < hello.length; length++)
    assert.equal(readClientHello(hello.subarray(0, length)).state, "partial", `${length} bytes`);
  const body = hello.subarray(5);
  const records = [body.subarray(0, 3), body.subarray(3, 60), body.subarray(60)].map((part) => {
    const head = Buffer.from([22, 3, 1, 0, 0]);
    head.writeUInt16BE(part.length, 3);
    return Buffer.concat([head, part]);
  });
  assert.deepEqual(readClientHello(Buffer.concat(records)), { state: "named", name: "files.example.com" });
  assert.equal(readClientHello(await helloOf(undefined)).state, "invalid", "no name");
});

test("what is not a ClientHello with one plain name is invalid", async () => {
  const hello = await helloOf("a.example");
  const changed = (at: number, value: number) => {
    const copy = Buffer.from(hello);
    copy[at] = value;
    return copy;
  };
  const name = hello.indexOf("a.example");
  const session = 5 + 4 + 34;
  const ciphers = session + 1 + (hello[session] ?? 0);
  const compression = ciphers + 2 + hello.readUInt16BE(ciphers);
  const extensions = compression + 1 + (hello[compression] ?? 0);
  const bad: Record<string, Buffer> = {
    "plain HTTP": Buffer.from("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"),
    SSH: Buffer.from("SSH-2.0-OpenSSH_9.0\r\n"),
    "another record": changed(0, 23),
    "a ServerHello": changed(5, 2),
    "an empty record": Buffer.from([22, 3, 1, 0, 0, 1]),
    "a name of another kind": changed(name - 3, 1),
    "a name that is too long": changed(name - 1, 200),
    "extensions that end after it": changed(extensions, 1 + (hello[extensions] ?? 0)),
    "a hello without end": Buffer.concat([
      Buffer.from([22, 3, 1, 64, 0, 1, 0, 63, 252]),
      Buffer.alloc(17_000),
    ]),
  };
  for (const [what, bytes] of Object.entries(bad))
    assert.equal(readClientHello(bytes).state, "invalid", what);
  // An extension of the kind that hides the true name.
  const encrypted = Buffer.from([0xfe, 0x0d, 0, 0]);
  const withExtension = Buffer.concat([hello, encrypted]);
  withExtension.writeUInt16BE(withExtension.readUInt16BE(3) + 4, 3);
  withExtension.writeUIntBE(withExtension.readUIntBE(6, 3) + 4, 6, 3);
  const sessionEnd = 43 + 1 + (hello[43] ?? 0);
  const ciphersEnd = sessionEnd + 2 + hello.readUInt16BE(sessionEnd);
  const at = ciphersEnd + 1 + (hello[ciphersEnd] ?? 0);
  withExtension.writeUInt16BE(withExtension.readUInt16BE(at) + 4, at);
  const read = readClientHello(withExtension);
  assert.match(read.state === "invalid" ? read.problem : read.state, /may be encrypted/);
});
