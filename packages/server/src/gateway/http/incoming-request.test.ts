import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, type TestContext, test } from "node:test";
import type { HoldfastError } from "@holdfast/core";
import { IncomingRequest } from "./incoming-request.ts";

type Handler = (request: IncomingRequest, response: ServerResponse) => void;

/** A server with requests of ours, and a connection to it. */
async function open(t: TestContext, handle: Handler): Promise<Socket> {
  const server = createServer({ IncomingMessage: IncomingRequest }, handle);
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.after(() => socket.destroy());
  await once(socket, "connect");
  return socket;
}

const head = (rest: string): string => `POST / HTTP/1.1\r\nhost: x\r\n${rest}\r\n\r\n`;

/** Answers with the body, or the code of what stood in its way. */
const echo: Handler = (request, response) => {
  const collects = request.collect(10, (error, body) => {
    response.end(error === undefined ? `<${Buffer.from(body).toString()}>` : `<${error.code}>`);
  });
  assert.ok(collects);
};

/** The next answers on a connection, up to their bodies. */
async function answers(socket: Socket, count: number): Promise<string[]> {
  let text = "";
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    text += String(chunk);
    const bodies = text.match(/<[^>]*>/g) ?? [];
    if (bodies.length >= count) return bodies;
  }
  throw new Error(`the connection ended after ${JSON.stringify(text)}`);
}

describe("a body that is collected", () => {
  test("comes with its head, in pieces, in chunks, or not at all, on one connection", async (t) => {
    const socket = await open(t, echo);
    socket.write(`${head("content-length: 3")}one`);
    assert.deepEqual(await answers(socket, 1), ["<one>"]);
    for (const piece of [head("content-length: 6"), "pie", "ces"]) {
      socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.deepEqual(await answers(socket, 1), ["<pieces>"]);
    socket.write(`${head("transfer-encoding: chunked")}2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n`);
    assert.deepEqual(await answers(socket, 1), ["<abcde>"]);
    socket.write(head("content-length: 0"));
    assert.deepEqual(await answers(socket, 1), ["<>"]);
    socket.write(`${head("content-length: 1")}1${head("content-length: 1")}2`);
    assert.deepEqual(await answers(socket, 2), ["<1>", "<2>"]);
  });

  test("is refused when it is longer, and what follows is left in the stream", async (t) => {
    const left: Buffer[] = [];
    const socket = await open(t, (request, response) => {
      request.collect(10, (error) => {
        request.on("data", (chunk: Buffer) => left.push(chunk));
        request.on("end", () => response.end(`<${error?.code}>`));
      });
    });
    socket.write(`${head("transfer-encoding: chunked")}a\r\n0123456789\r\n1\r\n0\r\n4\r\nrest\r\n0\r\n\r\n`);
    assert.deepEqual(await answers(socket, 1), ["<incoming_too_long>"]);
    assert.equal(Buffer.concat(left).toString(), "rest");
  });

  test("is not collected once a part of it is in the stream", async (t) => {
    const socket = await open(t, (request, response) => {
      setImmediate(() => {
        assert.equal(
          request.collect(10, () => assert.fail("it was collected")),
          false,
        );
        request.on("data", (chunk: Buffer) => response.end(`<${chunk.toString()}>`));
      });
    });
    socket.write(`${head("content-length: 6")}stream`);
    assert.deepEqual(await answers(socket, 1), ["<stream>"]);
  });

  test("that does not come is given up, as is that of a client that leaves", async (t) => {
    const told: (HoldfastError | undefined)[] = [];
    const waiting = Promise.withResolvers<IncomingRequest>();
    const gone = Promise.withResolvers<void>();
    const socket = await open(t, (request, response) => {
      if (request.url === "/slow") waiting.resolve(request);
      request.collect(10, (error) => {
        told.push(error);
        if (request.url === "/slow") response.end("<late>");
        else gone.resolve();
      });
      if (request.url === "/") socket.destroy();
    });
    socket.write("POST /slow HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nab");
    (await waiting.promise).expire();
    assert.deepEqual(await answers(socket, 1), ["<late>"]);
    socket.write(`cde${head("content-length: 5")}ab`);
    await gone.promise;
    assert.deepEqual(
      told.map((error) => error?.code),
      ["body_timed_out", "aborted"],
    );
  });
});
