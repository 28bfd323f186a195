/**
 * Actor calls beside bare echoes in the same run, with floors as exit codes: `npm run bench`.
 * Only ratios are meant to be compared between machines.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { encodeValue } from "@holdfast/core";
import { idMark, keyMark, type LoadJob, type LoadResult } from "./internal/load.ts";
import { measureDurableCeiling } from "./store.ts";

const roundMs = Number(process.env["BENCH_ROUND_MS"] ?? "1500");
const rounds = Number(process.env["BENCH_ROUNDS"] ?? "3");

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

function scenario(transport: "http" | "ws", callers: number): Scenario {
  const action = transport === "http" ? "/actions/increment" : "/connect";
  const paths = ["/actors/counter/@bench,"].map((path) => `${path}${action}?create=true`);
  const payload = transport === "http" ? httpBody : webSocketMessage;
  const rest = transport === "http" ? { headers: httpHeaders } : {};
  const protocols = transport === "ws" ? { protocols: ["holdfast.v1"] } : {};
  return {
    name: `${transport === "http" ? "HTTP" : "WebSocket"}, ${callers} caller${callers > 1 ? "s" : ""}`,
    callers,
    actor: { transport, paths, payload, ...rest, ...protocols },
    echo: { transport, paths: ["/"], payload, ...rest },
  };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

const medianOf = (results: readonly LoadResult[]): LoadResult => ({
  calls: median(results.map((result) => result.calls)),
  perSecond: median(results.map((result) => result.perSecond)),
  p50Ms: median(results.map((result) => result.p50Ms)),
  p99Ms: median(results.map((result) => result.p99Ms)),
});

const failures: string[] = [];

function check(name: string, ok: boolean, detail: string): void {
  console.log(`  ${ok ? "ok    " : "FAILED"} ${name}: ${detail}`);
  if (!ok) failures.push(name);
}

const generator = start("./internal/load.ts", ["load"]);
const echo = await startTarget("./internal/echo-target.ts");
const holdfast = await startTarget("./internal/holdfast-target.ts");

async function measureBoth(each: Scenario): Promise<{ actor: LoadResult; echo: LoadResult }> {
  const results: { actor: LoadResult[]; echo: LoadResult[] } = { actor: [], echo: [] };
  // One round more than counted: the first warms both up.
  for (let round = 0; round <= rounds; round++) {
    const durationMs = round === 0 ? roundMs / 2 : roundMs;
    const common = { callers: each.callers, durationMs };
    const echoResult = await load(generator, { ...each.echo, ...common, port: echo.port });
    const actorResult = await load(generator, { ...each.actor, ...common, port: holdfast.port });
    if (round === 0) continue;
    results.echo.push(echoResult);
    results.actor.push(actorResult);
  }
  return { actor: medianOf(results.actor), echo: medianOf(results.echo) };
}

function line(name: string, result: LoadResult): void {
  const rate = Math.round(result.perSecond).toLocaleString("en").padStart(9);
  console.log(
    `  ${name.padEnd(9)} ${rate}/s  p50 ${result.p50Ms.toFixed(3)} ms  p99 ${result.p99Ms.toFixed(3)} ms`,
  );
}

const ceiling = {
  one: await measureDurableCeiling({ inFlight: 1, durationMs: roundMs }),
  many: await measureDurableCeiling({ inFlight: 32, durationMs: roundMs }),
};
console.log(
  `durable commits  1 in flight ${Math.round(ceiling.one.perSecond)}/s, 32 in flight ${Math.round(ceiling.many.perSecond)}/s`,
);

for (const transport of ["http", "ws"] as const) {
  for (const callers of [1, 32]) {
    const each = scenario(transport, callers);
    const { actor, echo: bare } = await measureBoth(each);
    console.log(each.name);
    line("echo", bare);
    line("actor", actor);
    const ratio = actor.perSecond / bare.perSecond;
    console.log(
      `  ratio     ${ratio.toFixed(2)} of the echo, ${(actor.perSecond / ceiling.many.perSecond).toFixed(2)} of the ceiling`,
    );
    if (callers === 32) {
      const floor = Math.min(floors.ofEcho * bare.perSecond, floors.ofCeiling * ceiling.many.perSecond);
      check(
        each.name,
        actor.perSecond >= floor,
        `${Math.round(actor.perSecond)}/s, floor ${Math.round(floor)}/s`,
      );
    } else if (transport === "ws") {
      const syncMs = 1000 / ceiling.one.perSecond;
      const allowed = bare.p50Ms + syncMs + floors.callMs;
      check(
        "one durable call",
        actor.p50Ms <= allowed,
        `${actor.p50Ms.toFixed(3)} ms, floor ${allowed.toFixed(3)} ms`,
      );
    }
  }
}

const cold = await load(generator, {
  transport: "http",
  port: holdfast.port,
  paths: ["/actors/counter/@cold-{n},/actions/increment?create=true"],
  payload: httpBody,
  headers: httpHeaders,
  callers: 1,
  durationMs: roundMs,
  fresh: true,
});
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
