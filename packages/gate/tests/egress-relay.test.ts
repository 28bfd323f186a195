import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request as httpRequest, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, createServer as createSocketServer } from "node:net";
import { join } from "node:path";
import { describe, type TestContext, test } from "node:test";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { SharedReadBuffer } from "../src/egress/proxy/read-buffer.ts";
import { key, openProxy, type Setup } from "./egress-support.ts";
import { missing, temporaryDirectory } from "./support.ts";

const pieceBytes = 40_000;
/** Many reads and many batches; a key here and there, and across the ends of both. */
const [body, clean] = bodies();

function bodies(): [Buffer, Buffer] {
  const places = [
    16 * 1024 - 3,
    128 * 1024 + 16 * 1024 - 7,
    1,
    5,
    64 * 1024,
    128 * 1024,
    1_000_003,
    4_000_000,
  ];
  const parts: [Buffer, Buffer][] = places.map((length) => {
    const random = randomBytes(length);
    return [Buffer.concat([random, Buffer.from(key)]), Buffer.concat([random, Buffer.from("[redacted]")])];
  });
  return [Buffer.concat(parts.map(([given]) => given)), Buffer.concat(parts.map(([, left]) => left))];
}

const digest = (bytes: Buffer) => createHash("sha256").update(bytes).digest("hex");

const answer: RequestListener = (request, response) => {
  if (request.url === "/v1/models/known") {
    response.writeHead(200, { "content-length": body.length }).end(body);
    return;
  }
  for (let at = 0; at < body.length; at += pieceBytes) response.write(body.subarray(at, at + pieceBytes));
  response.end();
};

async function behind(
  t: TestContext,
  server: ReturnType<typeof createServer>,
  scheme: string,
): Promise<Setup> {
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  return openProxy(t, { baseUrl: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

/** The body of an answer, read by somebody who stops after every few pieces. */
function slowly({ proxy }: Setup, path: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    httpRequest({ socketPath: proxy.socketPath, path, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (chunks.length % 5 !== 0) return;
        response.pause();
        setImmediate(() => setImmediate(() => response.resume()));
      });
      response.once("end", () => resolve(Buffer.concat(chunks)));
      response.once("error", reject);
    })
      .once("error", reject)
      .end();
  });
}

async function comesWhole(setup: Setup): Promise<void> {
  const paths = ["/model/v1/models/known", "/model/v1/models/pieces"];
  // At once over connections of their own, then one after the other over those that were kept.
  const together = await Promise.all(paths.map((path) => slowly(setup, path)));
  const answers = [...together, await slowly(setup, paths[1] ?? ""), await slowly(setup, paths[0] ?? "")];
  assert.deepEqual(
    answers.map(({ length }) => length),
    answers.map(() => clean.length),
  );
  assert.deepEqual(
    answers.map(digest),
    answers.map(() => digest(clean)),
  );
}

describe("a large answer, to a reader that stops again and again", () => {
  test("comes byte for byte, without the key", async (t) => {
    await comesWhole(await behind(t, createServer(answer), "http"));
  });

  test("comes so over TLS too", { skip: missing("openssl") }, async (t) => {
    const directory = temporaryDirectory(t);
    const [keyPath, certPath] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
    const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"];
    const made = ["-keyout", keyPath, "-out", certPath];
    execFileSync("openssl", ["req", ...kind, ...name, ...made], { stdio: "ignore" });
    const cert = readFileSync(certPath, "utf8");
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, cert]);
    t.after(() => setDefaultCACertificates(before));
    const server = createSecureServer({ key: readFileSync(keyPath), cert }, answer);
    await comesWhole(await behind(t, server, "https"));
  });
});

test("chunks of a connection without a borrower are not overwritten", async (t) => {
  const sent = randomBytes(300_000);
  const server = createSocketServer((socket) => socket.end(sent));
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const socket = SharedReadBuffer.connect(1_000, (onread) => connect({ host: "127.0.0.1", port, onread }));
  const kept: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => kept.push(chunk));
  await once(socket, "end");
  assert.ok(kept.length >= 300, `${kept.length} reads`);
  assert.equal(digest(Buffer.concat(kept)), digest(sent));
});
