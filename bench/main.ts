/**
 * Actor calls beside bare echoes in the same run, with floors as exit codes: `npm run bench`.
 * Only ratios are meant to be compared between machines.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { encodeValue } from "@holdfast/core";
import { idMark, keyMark, type LoadJob, type LoadResult } from "./internal/load.ts";
import { measureDurableCeiling } from "./store.ts";

const roundMs = Number(process.env["BENCH_ROUND_MS"] ?? "800");
const rounds = Number(process.env["BENCH_ROUNDS"] ?? "6");

const floors = { ofEcho: 0.5, ofCeiling: 0.8, callMs: 0.3, createMs: 2 } as const;

function start(module: string, args: readonly string[] = []): ChildProcess {
  return fork(new URL(module, import.meta.url), args, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
}

async function startTarget(module: string): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const child = start(module);
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { child, port: message.port };
}

async function load(generator: ChildProcess, job: LoadJob): Promise<LoadResult> {
  generator.send(job);
  const [result] = (await once(generator, "message")) as [LoadResult];
  return result;
}

const base64 = (value: unknown): string => Buffer.from(encodeValue(value)).toString("base64");
const httpBody = base64({ args: [1] });
const httpHeaders = {
  "content-type": "application/cbor",
  accept: "application/cbor",
  "idempotency-key": keyMark,
};
const webSocketMessage = base64([[1, idMark.readUInt32BE(), "increment", [1], keyMark]]);

interface Scenario {
  readonly name: string;
  readonly callers: number;
  readonly actor: Omit<LoadJob, "port" | "durationMs" | "callers">;
  readonly echo: Omit<LoadJob, "port" | "durationMs" | "callers">;
}

function scenario(transport: "http" | "ws", callers: number, callersPerSocket = 1): Scenario {
  const action = transport === "http" ? "/actions/increment" : "/connect";
  const paths = ["/actors/counter/@bench,"].map((path) => `${path}${action}?create=true`);
  const payload = transport === "http" ? httpBody : webSocketMessage;
  const rest = transport === "http" ? { headers: httpHeaders } : {};
  const protocols = transport === "ws" ? { protocols: ["holdfast.v1"] } : {};
  return {
    name: nameOf(transport, callers, callersPerSocket),
    callers,
    actor: { transport, paths, payload, callersPerSocket, ...rest, ...protocols },
    echo: { transport, paths: ["/"], payload, callersPerSocket, ...rest },
  };
}

function nameOf(transport: "http" | "ws", callers: number, callersPerSocket: number): string {
  const name = `${transport === "http" ? "HTTP" : "WebSocket"}, ${callers} caller${callers > 1 ? "s" : ""}`;
  return callersPerSocket > 1 ? `${name} on one connection` : name;
}

/**
 * The best round of each target. Whatever else the machine does can only make a round slower, so that
 * the best ones of targets that took turns compare best.
 */
function best(results: readonly LoadResult[]): LoadResult {
  return {
    calls: Math.max(...results.map((result) => result.calls)),
    perSecond: Math.max(...results.map((result) => result.perSecond)),
    p50Ms: Math.min(...results.map((result) => result.p50Ms)),
    p99Ms: Math.min(...results.map((result) => result.p99Ms)),
  };
}

const failures: string[] = [];

function check(name: string, ok: boolean, detail: string): void {
  console.log(`  ${ok ? "ok    " : "FAILED"} ${name}: ${detail}`);
  if (!ok) failures.push(name);
}

const generator = start("./internal/load.ts", ["load"]);
const echo = await startTarget("./internal/echo-target.ts");
const holdfast = await startTarget("./internal/holdfast-target.ts");

interface Measured {
  readonly actor: LoadResult;
  readonly echo: LoadResult;
  /** Durable commits a second of the bare store, with as many in flight as there are callers. */
  readonly ceiling: number;
}

async function measure(each: Scenario): Promise<Measured> {
  const actors: LoadResult[] = [];
  const echoes: LoadResult[] = [];
  const ceilings: number[] = [];
  // One round more than counted: the first warms all up.
  for (let round = 0; round <= rounds; round++) {
    const common = { callers: each.callers, durationMs: roundMs };
    const ceiling = await measureDurableCeiling({ inFlight: each.callers, durationMs: roundMs });
    const bare = await load(generator, { ...each.echo, ...common, port: echo.port });
    const actor = await load(generator, { ...each.actor, ...common, port: holdfast.port });
    if (round === 0) continue;
    ceilings.push(ceiling.perSecond);
    echoes.push(bare);
    actors.push(actor);
  }
  return { actor: best(actors), echo: best(echoes), ceiling: Math.max(...ceilings) };
}

function line(name: string, result: LoadResult): void {
  const rate = Math.round(result.perSecond).toLocaleString("en").padStart(9);
  const p50 = result.p50Ms.toFixed(3);
  console.log(`  ${name.padEnd(9)} ${rate}/s  p50 ${p50} ms  p99 ${result.p99Ms.toFixed(3)} ms`);
}

function report(each: Scenario, { actor, echo: bare, ceiling }: Measured): void {
  console.log(each.name);
  line("echo", bare);
  line("actor", actor);
  const ofEcho = (actor.perSecond / bare.perSecond).toFixed(2);
  const ofCeiling = (actor.perSecond / ceiling).toFixed(2);
  console.log(`  ceiling   ${Math.round(ceiling).toLocaleString("en").padStart(9)}/s durable commits`);
  console.log(`  ratio     ${ofEcho} of the echo, ${ofCeiling} of the ceiling`);
  if (each.callers === 32) {
    const floor = Math.min(floors.ofEcho * bare.perSecond, floors.ofCeiling * ceiling);
    const detail = `${Math.round(actor.perSecond)}/s, floor ${Math.round(floor)}/s`;
    check(each.name, actor.perSecond >= floor, detail);
  } else if (each.actor.transport === "ws") {
    const allowed = bare.p50Ms + 1000 / ceiling + floors.callMs;
    const detail = `${actor.p50Ms.toFixed(3)} ms, floor ${allowed.toFixed(3)} ms`;
    check("one durable call", actor.p50Ms <= allowed, detail);
  }
}

const scenarios = [
  scenario("http", 1),
  scenario("http", 32),
  scenario("ws", 1),
  scenario("ws", 32),
  scenario("ws", 32, 32),
];
for (const each of scenarios) report(each, await measure(each));

const colds: LoadResult[] = [];
for (let round = 0; round < rounds; round++) {
  colds.push(
    await load(generator, {
      transport: "http",
      port: holdfast.port,
      paths: ["/actors/counter/@cold-{n},/actions/increment?create=true"],
      payload: httpBody,
      headers: httpHeaders,
      callers: 1,
      durationMs: roundMs,
      fresh: true,
    }),
  );
}
const cold = best(colds);
console.log("cold create and first action");
line("actor", cold);
check(
  "cold create",
  cold.p50Ms < floors.createMs,
  `${cold.p50Ms.toFixed(3)} ms, floor ${floors.createMs} ms`,
);

generator.disconnect();
echo.child.kill();
holdfast.child.send("stop");
await once(holdfast.child, "exit");
if (failures.length > 0) {
  console.error(`under the floor: ${failures.join("; ")}`);
  process.exitCode = 1;
}
