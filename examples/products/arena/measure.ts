/** What a tick costs: of the world alone, and of a server with full rooms. `node measure.ts [ROOMS] [SECONDS]`, on Linux. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { createClient } from "holdfast/client";
import type { registry } from "./actors.ts";
import { botInput } from "./game/bots.ts";
import { tickMs, ticksPerSecond } from "./game/rules.ts";
import { frameOf } from "./game/wire.ts";
import { newFighter, newWorld, step } from "./game/world.ts";
import { limits } from "./limits.ts";

const [rooms, seconds] = [Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 20)];

function measureWorld(): number {
  const world = newWorld(Math.random);
  for (let slot = 0; slot < limits.playersOfRoom; slot++) world.fighters.push(newFighter(slot, Math.random));
  const run = (ticks: number) => {
    for (let tick = 0; tick < ticks; tick++) {
      const inputs = world.fighters.map((fighter) => [fighter.slot, [botInput(world, fighter)]] as const);
      step(world, new Map(inputs), Math.random);
      frameOf(world);
    }
  };
  run(5_000);
  const before = process.cpuUsage();
  run(20_000);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 20_000;
}

/** A player who signs in, takes a place, and goes in circles. */
async function play(url: string, name: string, ended: AbortSignal): Promise<number> {
  const post = (path: string, cookie: string, body: object) =>
    fetch(url + path, { method: "POST", headers: { cookie }, body: JSON.stringify(body) });
  const session = await post("/api/session", "", { name });
  const cookie = session.headers.get("set-cookie")?.split(";")[0] ?? "";
  const { room } = await (await post("/api/play", cookie, {})).json();
  const client = createClient<typeof registry>({
    endpoint: url,
    headers: { cookie },
    WebSocket: class extends WebSocket {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(address, { protocols, headers: { cookie } } as unknown as string[]);
      }
    },
  });
  const conn = client.room.get([room]).connect();
  let ticks = 0;
  conn.on("tick", () => {
    ticks += 1;
  });
  await conn.join();
  for (let seq = 1; !ended.aborted; seq++) {
    void conn
      .input({ seq, x: Math.cos(seq / 9), y: Math.sin(seq / 9), aim: seq / 9, fire: seq % 12 === 0 })
      .catch(() => undefined);
    await delay(tickMs);
  }
  await client.dispose();
  return ticks;
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

console.log(`world: ${measureWorld().toFixed(1)} µs of CPU for a tick of ${limits.playersOfRoom} fighters`);
const directory = mkdtempSync(join(tmpdir(), "arena-"));
const env = { ...process.env, HOLDFAST_PORT: "0", HOLDFAST_DATA: directory, HOLDFAST_PUBLIC_DIR: directory };
const server = spawn(process.execPath, [join(import.meta.dirname, "server.ts")], {
  env,
  stdio: ["ignore", "pipe", "inherit"],
});
for await (const line of createInterface({ input: server.stdout })) {
  const [url] = /http:\/\/\S+/.exec(line) ?? [];
  if (url === undefined || server.pid === undefined) continue;
  const ending = new AbortController();
  const started = performance.now();
  const playing: Promise<number>[] = [];
  for (let at = 0; at < rooms * limits.playersOfRoom; at++)
    playing.push(play(url, `Player ${at}`, ending.signal));
  await delay(3_000);
  const before = cpuMs(server.pid);
  await delay(seconds * 1_000);
  const used = cpuMs(server.pid) - before;
  const perTick = used / (seconds * ticksPerSecond * rooms);
  console.log(
    `server: ${perTick.toFixed(2)} ms of CPU for a tick of a room with ${limits.playersOfRoom} players`,
  );
  console.log(`        ${rooms} rooms take ${((used / seconds / 1_000) * 100).toFixed(0)} % of a core`);
  ending.abort();
  const ticks = await Promise.all(playing);
  const rate =
    ticks.reduce((sum, each) => sum + each, 0) / ticks.length / ((performance.now() - started) / 1_000);
  console.log(`        each player has seen ${rate.toFixed(1)} ticks a second`);
  server.kill();
}
rmSync(directory, { recursive: true, force: true });
