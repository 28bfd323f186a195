/** Rate at which a server answers small requests. */
import { type Call, Generator } from "../internal/calls.ts";
import type { LoadResult } from "../internal/load.ts";
import {
  ensure,
  interleave,
  least,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { ask } from "./client.ts";
import { type SandboxServer, withServers } from "./servers.ts";

const callers = 10;
const ofPeer = 0.7;

interface Kind {
  readonly path: (server: SandboxServer) => string;
  /** Whether the answer is correct. */
  readonly isRight: (text: string) => boolean;
}

interface Round extends LoadResult {
  readonly cpuMicros: number;
}

export const health: Scenario = scenario("health", {
  path: () => "/v1/health",
  isRight: (text) => text === '{"status":"ok"}',
});

export const smallFiles: Scenario = scenario("file-read", {
  path: (server) => `/v1/fs/file?path=${encodeURIComponent(server.smallFile)}`,
  isRight: (text) => text === "x".repeat(1_024),
});

function scenario(name: string, kind: Kind): Scenario {
  return { name, run: () => measure(name, kind) };
}

async function measure(name: string, kind: Kind): Promise<Outcome> {
  const generator = new Generator();
  try {
    return await withServers(async (servers, notes) => {
      for (const server of servers.values()) {
        const { status, text } = await ask(server.port, "GET", kind.path(server));
        ensure(status === 200 && kind.isRight(text), `${name} answered ${status}: ${text}`);
      }
      const samples = await interleave(
        Object.fromEntries(
          [...servers].map(([key, server]) => [key, () => load(generator, server, kind.path(server))]),
        ),
      );
      const best = (key: string): number => most((samples[key] ?? []).map((each) => each.perSecond));
      const figures = Object.entries(samples).map(([key, rounds]) => ({
        name: key,
        value: best(key),
        unit: "/s" as const,
        detail: `p50 ${least(rounds.map((each) => each.p50Ms)).toFixed(3)} ms, p99 ${least(rounds.map((each) => each.p99Ms)).toFixed(3)} ms, ${least(rounds.map((each) => each.cpuMicros)).toFixed(1)} us CPU`,
      }));
      const floors = servers.has("peer")
        ? [{ name, value: best("ours"), limit: ofPeer * best("peer"), unit: "/s", better: "more" } as const]
        : [];
      return { figures, floors, samples, notes };
    });
  } finally {
    generator.close();
  }
}

async function load(generator: Generator, server: SandboxServer, path: string): Promise<Round> {
  const call: Call = { transport: "http", method: "GET", paths: [path], payload: "" };
  const before = server.cpuMicros();
  const result = await generator.load({ ...call, callers, port: server.port, durationMs: roundMs });
  return { ...result, cpuMicros: (server.cpuMicros() - before) / result.calls };
}
