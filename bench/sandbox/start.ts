/** Start time and idle memory of a server. */
import { ensure, interleave, least, median, type Outcome, type Scenario } from "../internal/scenario.ts";
import { SandboxServer, serverKinds } from "./servers.ts";

const startLimitMs = 400;
const idleLimitBytes = 80_000_000;
/** Lets work that the start left on the event loop finish. */
const settleMs = 1_000;

interface Started {
  readonly startMs: number;
  readonly residentBytes: number;
}

export const start: Scenario = { name: "start", run: () => measure("start") };
export const memory: Scenario = { name: "memory", run: () => measure("memory") };

async function measure(what: "start" | "memory"): Promise<Outcome> {
  const { kinds, notes } = serverKinds();
  const { "peer, no log": _same, ...compared } = kinds;
  const samples = await interleave(
    Object.fromEntries(
      Object.entries(compared).map(([key, kind]) => [key, () => begin(kind, what === "memory")]),
    ),
    what === "memory" ? 2 : 7,
  );
  const value = (rounds: readonly Started[]): number =>
    what === "start"
      ? least(rounds.map(({ startMs }) => startMs))
      : median(rounds.map(({ residentBytes }) => residentBytes));
  const unit = what === "start" ? "ms" : "bytes";
  const figures = Object.entries(samples).map(([name, rounds]) => ({
    name,
    value: value(rounds),
    unit: unit as typeof unit,
    ...(what === "start"
      ? { detail: `median ${median(rounds.map(({ startMs }) => startMs)).toFixed(0)} ms` }
      : {}),
  }));
  const ours = value(samples["ours"] ?? []);
  const limit = what === "start" ? startLimitMs : idleLimitBytes;
  const name = what === "start" ? "start to first answer" : "idle memory";
  return { figures, floors: [{ name, value: ours, limit, unit, better: "less" }], samples, notes };
}

async function begin(kind: Parameters<typeof SandboxServer.start>[0], settles: boolean): Promise<Started> {
  const server = await SandboxServer.start(kind);
  try {
    if (settles) await new Promise((resolve) => setTimeout(resolve, settleMs));
    const residentBytes = server.residentBytes();
    ensure(residentBytes > 0, "the server's memory cannot be read");
    return { startMs: server.startMs, residentBytes };
  } finally {
    await server.stop();
  }
}
