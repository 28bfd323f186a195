/**
 * Egress proxy, compared with the same bytes without it. Without it, the client speaks TLS to the upstream; with it,
 * the proxy does, and also removes secrets, counts bytes and writes two audit records.
 */
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { RequestOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { Worker } from "node:worker_threads";
import { createGate } from "../../packages/gate/src/index.ts";
import {
  ensure,
  interleave,
  least,
  median,
  most,
  type Outcome,
  type Scenario,
} from "../internal/scenario.ts";
import type { Ask, Asked, PeerData } from "./egress-peer.ts";

const firstBytes = 20;
const bodyBytes = 32 * 1024 * 1024;
/** 2.5 Gbit/s, which is more than most machines have to the Internet. */
const pacedBytesPerSecond = 2.5e9 / 8;

async function measure(): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const [keyPath, certificatePath] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
  const name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  execFileSync("openssl", ["req", ...kind, ...name, "-keyout", keyPath, "-out", certificatePath], {
    stdio: "ignore",
  });
  // The proxy trusts the authorities that Node trusts; an operator adds a private authority in the same way.
  setDefaultCACertificates([...getCACertificates("default"), readFileSync(certificatePath, "utf8")]);
  const start = (role: PeerData["role"]) =>
    new Worker(new URL("./egress-peer.ts", import.meta.url), {
      workerData: {
        role,
        keyPath,
        certificatePath,
        bodyBytes,
        pacedBytesPerSecond,
      } satisfies PeerData,
    });
  const [upstream, client] = [start("upstream"), start("client")];
  const [port] = (await once(upstream, "message")) as [number];
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
          baseUrl: `https://127.0.0.1:${port}`,
          provider: "none",
          allow: [{ methods: ["GET", "POST"], pathPrefix: "/" }],
          credential: { kind: "bearer", value: "bench-secret-0123456789" },
        },
      ],
    });
    const ask = async (tls: boolean, options: RequestOptions, count: number): Promise<Asked> => {
      const answered = once(client, "message") as Promise<[Asked]>;
      client.postMessage({ tls, options, count } satisfies Ask);
      return (await answered)[0];
    };
    const through = (path: string, count: number, method = "GET") =>
      ask(false, { socketPath: egress.socketPath, path: `/up${path}`, method }, count);
    const direct = (path: string, count: number, method = "GET") =>
      ask(true, { host: "127.0.0.1", port, path, method }, count);
    ensure((await through("/large", 1)).bytes === bodyBytes, "all bytes come through");
    const rate = async (way: typeof through, path = "/large") =>
      bodyBytes / (least((await way(path, 2)).all) / 1_000);
    // The proxy reuses connections for requests that may be repeated, and opens a new one for others, as the client
    // would.
    const first = async (way: typeof through, method: string) =>
      median((await way("/small", firstBytes, method)).first);
    const samples = await interleave({
      proxied: () => rate(through),
      direct: () => rate(direct),
      proxiedPaced: () => rate(through, "/paced"),
      directPaced: () => rate(direct, "/paced"),
      proxiedFirst: () => first(through, "GET"),
      directFirst: () => first(direct, "GET"),
      proxiedPost: () => first(through, "POST"),
      directPost: () => first(direct, "POST"),
    });
    const ratio = most(samples.proxied) / most(samples.direct);
    const pacedRatio = most(samples.proxiedPaced) / most(samples.directPaced);
    const later = least(samples.proxiedFirst) - least(samples.directFirst);
    const postLater = least(samples.proxiedPost) - least(samples.directPost);
    return {
      figures: [
        { name: "bytes through the proxy", value: most(samples.proxied), unit: "/s" },
        { name: "bytes without it", value: most(samples.direct), unit: "/s" },
        { name: "the same from 2.5 Gbit/s", value: most(samples.proxiedPaced), unit: "/s", own: true },
        { name: "first byte later by", value: later, unit: "ms", own: true },
        { name: "of a POST, later by", value: postLater, unit: "ms", own: true },
      ],
      floors: [
        // Proxy, upstream and client share the machine's cores; the paced measurement below does not.
        { name: "part of the throughput", value: ratio, limit: 0.45, unit: "times", better: "more" },
        {
          name: "part of the throughput from 2.5 Gbit/s",
          value: pacedRatio,
          limit: 0.7,
          unit: "times",
          better: "more",
        },
        { name: "first byte", value: later, limit: 2, unit: "ms", better: "less" },
        { name: "first byte of a POST", value: postLater, limit: 2, unit: "ms", better: "less" },
      ],
      samples,
    };
  } finally {
    await gate.close();
    await Promise.all([upstream.terminate(), client.terminate()]);
    rmSync(directory, { recursive: true, force: true });
  }
}

export const egress: Scenario = { name: "egress", run: measure };
