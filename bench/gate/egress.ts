/** The egress proxy beside the same bytes without it: one more hop through a Unix socket, and its audit record. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type RequestOptions, request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createGate } from "../../packages/gate/src/index.ts";
import { ensure, interleave, least, most, type Outcome, type Scenario } from "../internal/scenario.ts";

const bodyBytes = 32 * 1024 * 1024;
const chunk = Buffer.alloc(64 * 1024, "event: data\n");
const firstBytes = 40;

/** Seconds until the whole answer is read, and until its first byte is. */
function ask(
  options: RequestOptions,
): Promise<{ readonly first: number; readonly all: number; readonly bytes: number }> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    request({ ...options, agent: false }, (response) => {
      let first = 0;
      let bytes = 0;
      response.on("data", (data: Buffer) => {
        if (bytes === 0) first = performance.now() - startedAt;
        bytes += data.length;
      });
      response.once("end", () => resolve({ first, all: performance.now() - startedAt, bytes }));
      response.once("error", reject);
    })
      .once("error", reject)
      .end();
  });
}

async function measure(): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const upstream = createServer((incoming, response) => {
    if (incoming.url === "/small") {
      response.end("ok");
      return;
    }
    let left = bodyBytes;
    const more = () => {
      while (left > 0) {
        left -= chunk.length;
        if (!response.write(chunk)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  await new Promise<void>((resolve) => upstream.listen(0, "127.0.0.1", resolve));
  const { port } = upstream.address() as AddressInfo;
  const gate = await createGate({
    dataDir: directory,
    vault: { env: {}, logins: false },
    jails: { driver: "none", allowUnsafe: true },
  });
  try {
    const egress = await gate.openEgress({
      jailId: "bench",
      session: "bench",
      upstreams: [
        {
          name: "up",
          baseUrl: `http://127.0.0.1:${port}`,
          provider: "none",
          allow: [{ methods: ["GET"], pathPrefix: "/" }],
          credential: { kind: "bearer", value: "bench-secret-0123456789" },
        },
      ],
    });
    const through = (path: string) => ask({ socketPath: egress.socketPath, path: `/up${path}` });
    const direct = (path: string) => ask({ host: "127.0.0.1", port, path });
    ensure((await through("/large")).bytes === bodyBytes, "all bytes come through");
    const rate = async (ask: typeof through) => {
      const { all, bytes } = await ask("/large");
      return bytes / 1e6 / (all / 1_000);
    };
    const firstByte = async (ask: typeof through) => {
      const times: number[] = [];
      for (let n = 0; n < firstBytes; n++) times.push((await ask("/small")).first);
      return times.sort((a, b) => a - b)[firstBytes / 2] ?? Number.NaN;
    };
    const samples = await interleave({
      proxied: () => rate(through),
      direct: () => rate(direct),
      proxiedFirst: () => firstByte(through),
      directFirst: () => firstByte(direct),
    });
    const ratio = most(samples.proxied) / most(samples.direct);
    const more = least(samples.proxiedFirst) - least(samples.directFirst);
    return {
      figures: [
        { name: "bytes through the proxy", value: most(samples.proxied) * 1e6, unit: "/s" },
        { name: "bytes without it", value: most(samples.direct) * 1e6, unit: "/s" },
        { name: "first byte later by", value: more, unit: "ms", own: true },
      ],
      floors: [
        { name: "part of the throughput", value: ratio, limit: 0.7, unit: "times", better: "more" },
        { name: "first byte", value: more, limit: 2, unit: "ms", better: "less" },
      ],
      samples,
    };
  } finally {
    await gate.close();
    upstream.closeAllConnections();
    upstream.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

export const egress: Scenario = { name: "egress", run: measure };
