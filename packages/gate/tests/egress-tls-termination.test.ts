/** TLS that ends in the proxy, on connections whose other side leaves. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { type TLSSocket, connect as tlsConnect } from "node:tls";
import { isErrorCode } from "@holdfast/core";
import { terminateTls } from "../src/egress/tunnels/tls-termination.ts";
import { newAuthority } from "./tls-support.ts";

const longMs = 60_000;

/** Both ends of a connection, of which that of the proxy stays open when the other has said all. */
async function pair(t: TestContext): Promise<{ client: Socket; socket: Socket }> {
  const server = createServer({ allowHalfOpen: true });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const client = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [Socket];
  for (const each of [client, socket]) {
    each.on("error", () => {});
    t.after(() => each.destroy());
  }
  return { client, socket };
}

const left = (error: unknown) => isErrorCode(error, "egress", "handshake_failed");

test("a client that disconnects before TLS begins is not waited for", { timeout: 5_000 }, async (t) => {
  const authority = await newAuthority(["model.example"]);
  const certificate = await authority.certificateFor("model.example");
  const { socket } = await pair(t);
  socket.destroy();
  await once(socket, "close");
  await assert.rejects(
    terminateTls(socket, certificate, longMs, () => {}),
    left,
  );
});

test("a client that ends its side after the handshake still gets its answer", async (t) => {
  const authority = await newAuthority(["model.example"]);
  const certificate = await authority.certificateFor("model.example");
  const { client, socket } = await pair(t);
  const answered = Promise.withResolvers<void>();
  const inside = (secure: TLSSocket) => {
    text(secure).then((said) => {
      secure.end(`answer to ${said}`);
      answered.resolve();
    }, answered.reject);
  };
  const ended = terminateTls(socket, certificate, longMs, inside);
  const secure = tlsConnect({ socket: client, servername: "model.example", ca: authority.certificate });
  await ended;
  secure.end("this");
  assert.equal(await text(secure), "answer to this");
  await answered.promise;
});
