/** Client and upstream of the proxy, each in its own thread, since in production they are other processes. */
import { readFileSync } from "node:fs";
import { request as httpRequest, type RequestOptions } from "node:http";
import { createServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { parentPort, workerData } from "node:worker_threads";

export interface PeerData {
  readonly role: "upstream" | "client";
  readonly keyPath: string;
  readonly certificatePath: string;
  /** Size of a large answer. */
  readonly bodyBytes: number;
  /** Rate of `/paced` in bytes a second, to imitate a network. */
  readonly pacedBytesPerSecond: number;
}

export interface Ask {
  readonly tls: boolean;
  readonly options: RequestOptions;
  readonly count: number;
}

/** Milliseconds to the first byte of each answer, and to its end. */
export interface Asked {
  readonly first: readonly number[];
  readonly all: readonly number[];
  readonly bytes: number;
}

const data = workerData as PeerData;
const certificate = readFileSync(data.certificatePath);

function serve(): void {
  const line = `data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"some words of an answer"}}\n\n`;
  const chunk = Buffer.alloc(64 * 1024, line);
  const server = createServer(
    { key: readFileSync(data.keyPath), cert: certificate },
    (incoming, response) => {
      if (incoming.url === "/small") {
        response.end("ok");
        return;
      }
      const paced = incoming.url === "/paced";
      const startedAt = performance.now();
      /** Number of bytes that the pace allows by now. */
      const allowed = () =>
        paced
          ? ((performance.now() - startedAt) / 1_000) * data.pacedBytesPerSecond
          : Number.POSITIVE_INFINITY;
      let sent = 0;
      const more = () => {
        while (sent < data.bodyBytes) {
          if (sent > allowed()) {
            setTimeout(more, 1);
            return;
          }
          sent += chunk.length;
          if (!response.write(chunk)) {
            response.once("drain", more);
            return;
          }
        }
        response.end();
      };
      more();
    },
  );
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage((server.address() as AddressInfo).port));
}

function one({ tls, options }: Ask): Promise<{ first: number; all: number; bytes: number }> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const begin = tls ? httpsRequest : httpRequest;
    begin({ ...options, agent: false, ...(tls ? { ca: certificate } : {}) }, (response) => {
      let [first, bytes] = [0, 0];
      response.on("data", (chunk: Buffer) => {
        if (bytes === 0) first = performance.now() - startedAt;
        bytes += chunk.length;
      });
      response.once("end", () => resolve({ first, all: performance.now() - startedAt, bytes }));
      response.once("error", reject);
    })
      .once("error", reject)
      .end();
  });
}

async function answer(ask: Ask): Promise<Asked> {
  const [first, all]: [number[], number[]] = [[], []];
  let bytes = 0;
  for (let n = 0; n < ask.count; n++) {
    const asked = await one(ask);
    first.push(asked.first);
    all.push(asked.all);
    bytes += asked.bytes;
  }
  return { first, all, bytes };
}

if (data.role === "upstream") serve();
else
  parentPort?.on("message", (ask: Ask) => {
    void answer(ask).then((asked) => parentPort?.postMessage(asked));
  });
