/** Counter of the peer's own package with its engine on loopback. Usage: `<folder with node_modules> <directory>`. */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { serveTarget } from "./target.ts";

/** The part of the peer's API that this target uses. */
interface Context {
  readonly state: { count: number };
  saveState(options: { readonly immediate: boolean }): Promise<void>;
}
interface Handle {
  increment(by: number): Promise<number>;
  get(): Promise<number>;
  resolve(): Promise<string>;
}
interface Package {
  actor(config: object): object;
  setup(config: object): { start(): unknown };
}
interface ClientPackage {
  createClient(url: string): { readonly counter: { getOrCreate(key: readonly string[]): Handle } };
}

const [folder = "", directory = ""] = process.argv.slice(2);
const attempts = 100;
mkdirSync(directory, { recursive: true });
process.env["RIVETKIT_STORAGE_PATH"] = directory;
process.env["HOME"] = directory;
process.env["RIVET_LOG_LEVEL"] = "silent";
process.env["LOG_LEVEL"] = "silent";
process.chdir(directory);

/** The engine also listens on the adjacent ports, which may be in use. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null ? resolve(address.port) : reject(),
      );
    });
  });
}

const root = join(folder, "node_modules", "rivetkit", "dist", "tsup");
const { actor, setup } = (await import(pathToFileURL(join(root, "mod.js")).href)) as Package;
const client = (await import(pathToFileURL(join(root, "client", "mod.js")).href)) as ClientPackage;
const counter = actor({
  state: { count: 0 },
  actions: {
    increment: async (c: Context, by: number) => {
      c.state.count += by;
      await c.saveState({ immediate: true });
      return c.state.count;
    },
    get: (c: Context) => c.state.count,
  },
});
const enginePort = await freePort();
const engine = { startEngine: true, startServices: false, engineHost: "127.0.0.1", enginePort };
setup({ use: { counter }, ...engine }).start();
const handle = client.createClient(`http://127.0.0.1:${enginePort}`).counter.getOrCreate(["bench"]);

/** The engine accepts requests only some time after it started. */
async function firstCall(): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await handle.increment(1);
      return;
    } catch (error) {
      if (attempt === attempts) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** The engine outlives the process that started it, unless it is stopped. */
function stopEngine(): void {
  for (const pid of enginePids()) process.kill(pid, "SIGTERM");
}

function enginePids(): number[] {
  const lines = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" }).split("\n");
  return lines
    .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line))
    .filter((match) => Number(match?.[2]) === process.pid && match?.[3]?.includes("rivet-engine"))
    .map((match) => Number(match?.[1]));
}

process.on("exit", stopEngine);
try {
  await firstCall();
  const actorId = await handle.resolve();
  serveTarget({ port: enginePort, about: { actorId }, count: () => handle.get() });
} catch (error) {
  console.error(error);
  process.exit(1);
}
