/** Durable calls over the network, compared with bare echo servers, the store alone, and the installed peers. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Call, type CallTarget, Generator, httpCall, webSocketCall } from "../internal/calls.ts";
import type { LoadResult } from "../internal/load.ts";
import { type Peer, startDurableObjects, startPeer } from "../internal/peers.ts";
import {
  ensure,
  type Figure,
  type Floor,
  interleave,
  least,
  most,
  type Outcome,
  roundMs,
  type Scenario,
} from "../internal/scenario.ts";
import { Target } from "../internal/target.ts";
import { type Ceiling, measureDurableCeiling } from "./store.ts";

interface Kind {
  readonly transport: "http" | "ws";
  readonly callers: number;
  readonly callersPerSocket?: number;
  /** Minimum share of the echo's rate; the floor is 0.8 of the ceiling when that is lower. */
  readonly ofEcho?: number;
  /** Whether a call may use no more CPU than an echo and a bare commit together, which holds on a busy machine too. */
  readonly limitsCpu?: boolean;
  /** For a single caller: latency allowed on top of one echo and one sync. */
  readonly callMs?: number;
}

const ofCeiling = 0.8;
const checkMs = 200;
/** Keys of the counters for the durability check and for the measurement, which starts with a new actor. */
const [checked, timed] = ["checked", "timed"];

interface Round extends LoadResult {
  /** CPU time of the target for one call, all threads. */
  readonly cpuMicros: number;
}

export function callScenario(name: string, kind: Kind): Scenario {
  return { name, timeoutMs: 240_000, run: () => measure(kind) };
}

async function measure(kind: Kind): Promise<Outcome> {
  const directory = mkdtempSync(join(tmpdir(), "holdfast-bench-"));
  const generator = new Generator();
  const targets: Target[] = [];
  const keep = (target: Target): Target => {
    targets.push(target);
    return target;
  };
  try {
    const echo = keep(await Target.start("echo-target"));
    const actor = keep(await startDurable(generator, kind, directory));
    const load = (target: Target, call: Call) => () => loadRound(generator, target, call, kind.callers);
    const call = (target: CallTarget): Call =>
      kind.transport === "http" ? httpCall(target) : webSocketCall(target, kind.callersPerSocket ?? 1);
    const peers: Peers =
      kind.transport === "http" ? await startPeers(join(directory, "peers")) : { started: [], notes: [] };
    for (const [, peer] of peers.started) keep(peer.target);
    let calls = await actor.count(timed);
    const counted = async (): Promise<Round> => {
      const round = await load(actor, call({ counter: timed }))();
      calls += round.calls;
      return round;
    };
    const samples = await interleave({
      actor: counted,
      echo: load(echo, call("echo")),
      ceiling: () => measureDurableCeiling({ inFlight: kind.callers, durationMs: roundMs }),
      peers: async () => {
        const loads: [string, LoadResult][] = [];
        for (const [name, peer] of peers.started) {
          const job = { ...peer.call, callers: kind.callers, port: peer.target.port, durationMs: roundMs };
          loads.push([name, await generator.load(job)]);
        }
        return loads;
      },
    });
    ensure((await actor.count(timed)) === calls, "some calls were lost or ran twice");
    const figures = [
      figureOf("actor", samples.actor),
      figureOf("echo", samples.echo),
      figureOf("durable ceiling", samples.ceiling),
      ...peers.started.map(([name], at) =>
        figureOf(
          name,
          samples.peers.flatMap((loads) => loads[at]?.[1] ?? []),
        ),
      ),
    ];
    return { figures, floors: floorsOf(kind, samples), samples, notes: peers.notes };
  } finally {
    generator.close();
    for (const target of targets) await target.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Starts a Holdfast server after checking that acknowledged calls survive a kill of its process. */
async function startDurable(generator: Generator, kind: Kind, directory: string): Promise<Target> {
  const first = await Target.start("holdfast-target", [directory]);
  const call =
    kind.transport === "http" ? httpCall({ counter: checked }) : webSocketCall({ counter: checked }, 1);
  const { calls } = await generator.load({ ...call, port: first.port, callers: 4, durationMs: checkMs });
  await first.kill();
  const target = await Target.start("holdfast-target", [directory]);
  const count = await target.count(checked);
  ensure(count === calls, `${calls} calls were acknowledged, but ${count} survived the kill of the process`);
  return target;
}

interface Peers {
  readonly started: readonly (readonly [name: string, peer: Peer])[];
  readonly notes: readonly string[];
}

async function startPeers(directory: string): Promise<Peers> {
  const started: [string, Peer][] = [];
  const notes: string[] = [];
  const peers = { "durable object": startDurableObjects, rivetkit: startPeer };
  for (const [name, start] of Object.entries(peers)) {
    const peer = await start(directory).catch(
      (error: unknown) => `${name} was not measured: ${String(error)}`,
    );
    if (typeof peer === "string") notes.push(peer);
    else started.push([name, peer]);
  }
  return { started, notes };
}

async function loadRound(generator: Generator, target: Target, call: Call, callers: number): Promise<Round> {
  const before = await target.cpuMicros();
  const result = await generator.load({ ...call, callers, port: target.port, durationMs: roundMs });
  return { ...result, cpuMicros: ((await target.cpuMicros()) - before) / result.calls };
}

interface Measured {
  readonly perSecond: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly cpuMicros?: number;
}

function figureOf(name: string, samples: readonly Measured[]): Figure {
  const lowest = (key: "p50Ms" | "p99Ms" | "cpuMicros"): number | undefined =>
    samples[0]?.[key] === undefined ? undefined : least(samples.map((sample) => sample[key] ?? 0));
  const [p50, p99, cpu] = [lowest("p50Ms"), lowest("p99Ms"), lowest("cpuMicros")];
  const details = [
    ...(p50 === undefined ? [] : [`p50 ${p50.toFixed(3)} ms`]),
    ...(p99 === undefined ? [] : [`p99 ${p99.toFixed(3)} ms`]),
    ...(cpu === undefined ? [] : [`${cpu.toFixed(1)} us CPU`]),
  ];
  const value = most(samples.map((sample) => sample.perSecond));
  return { name, value, unit: "/s", detail: details.join(", ") };
}

function floorsOf(
  kind: Kind,
  samples: {
    readonly actor: readonly Round[];
    readonly echo: readonly Round[];
    readonly ceiling: readonly Ceiling[];
  },
): Floor[] {
  const best = (name: "actor" | "echo" | "ceiling"): number =>
    most(samples[name].map((each) => each.perSecond));
  const p50 = (name: "actor" | "echo"): number => least(samples[name].map((each) => each.p50Ms));
  if (kind.ofEcho !== undefined) {
    const limit = Math.min(kind.ofEcho * best("echo"), ofCeiling * best("ceiling"));
    const rate: Floor = { name: "durable calls", value: best("actor"), limit, unit: "/s", better: "more" };
    return kind.limitsCpu === true ? [rate, cpuFloor(samples)] : [rate];
  }
  if (kind.callMs === undefined) return [];
  const limit = p50("echo") + 1_000 / best("ceiling") + kind.callMs;
  return [{ name: "one durable call", value: p50("actor"), limit, unit: "ms", better: "less" }];
}

/** CPU of one durable call, all threads, compared with the work that it cannot avoid: one request and one commit. */
function cpuFloor(
  samples: Readonly<Record<"actor" | "echo" | "ceiling", readonly { readonly cpuMicros: number }[]>>,
): Floor {
  const cpu = (name: keyof typeof samples): number => least(samples[name].map((each) => each.cpuMicros));
  return {
    ...{ name: "CPU of a durable call", value: cpu("actor"), unit: "us", better: "less" },
    limit: cpu("echo") + cpu("ceiling"),
  };
}
