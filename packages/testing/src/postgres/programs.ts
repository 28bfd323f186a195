/** Database servers for tests: PostgreSQL and PgBouncer from Debian's packages, on loopback. */
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from "node:child_process";
import { accessSync, chmodSync, chownSync, constants, copyFileSync, mkdtempSync, readdirSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { removeAtExit } from "../scratch.ts";

/** Debian installs each version's programs in a directory that is not on the PATH. */
const debianFolder = "/usr/lib/postgresql";

/** Directories to search, newest version first. */
function folders(): readonly string[] {
  let versions: string[] = [];
  try {
    versions = readdirSync(debianFolder).sort((a, b) => Number(b) - Number(a));
  } catch {
    // Another system: the programs are on the PATH.
  }
  const onPath = (process.env["PATH"] ?? "").split(delimiter);
  return [...versions.map((version) => join(debianFolder, version, "bin")), ...onPath, "/usr/sbin"];
}

/** Path of a program; undefined if it is not installed. */
export function findProgram(name: string): string | undefined {
  return folders()
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Path of a program of a Debian package. Throws if it is not installed. */
export function programPath(name: string, debianPackage: string): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new Error(`${name} is not installed. Run: sudo apt-get install -y ${debianPackage}`);
}

/** The servers refuse to run as root; as root, they run as `nobody`. */
const nobody = 65_534;
const user: Pick<SpawnOptions, "uid" | "gid"> = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {};

/** Creates a temporary directory that the servers may write to. It is removed when this process exits. */
export function serverFolder(parent = tmpdir()): string {
  const path = mkdtempSync(join(parent, "holdfast-postgres-"));
  removeAtExit(path);
  if (user.uid !== undefined) chownSync(path, nobody, nobody);
  return path;
}

/** Copies a file, such as a private key, to a server's folder, for its user only. Returns the path of the copy. */
export function copyInto(folder: string, file: string): string {
  const path = join(folder, basename(file));
  copyFileSync(file, path);
  chmodSync(path, 0o600);
  if (user.uid !== undefined) chownSync(path, nobody, nobody);
  return path;
}

/** Runs a program as the servers' user and waits for it; returns its output. */
export function run(path: string, args: readonly string[], cwd: string): string {
  const result = spawnSync(path, args, { ...user, cwd, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`${path} failed: ${result.stderr}${result.stdout}`);
  return result.stdout;
}

/** Starts a server and waits until it accepts connections. */
export async function start(
  path: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly port: number },
): Promise<ChildProcess> {
  const { cwd, port } = options;
  const server = spawn(path, args, { ...user, cwd, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  for (const stream of [server.stdout, server.stderr]) {
    stream.on("data", (chunk: Buffer) => lines.push(chunk.toString()));
  }
  process.once("exit", () => server.kill("SIGKILL"));
  const deadline = AbortSignal.timeout(60_000);
  while (!(await accepts(port))) {
    if (server.exitCode !== null || deadline.aborted) {
      server.kill("SIGKILL");
      throw new Error(`${path} did not start: ${lines.join("").slice(-2_000)}`);
    }
    await delay(20);
  }
  return server;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** Sends a signal and waits for the process to exit. */
export async function stop(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const exit = new Promise((resolve) => server.once("exit", resolve));
  server.kill(signal);
  await exit;
}

/** Lets this process end while the server runs. */
export function unref(server: ChildProcess): void {
  server.unref();
  for (const stream of [server.stdout, server.stderr]) (stream as Socket | null)?.unref();
}
