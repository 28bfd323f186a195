import { spawnSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  realpathSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import {
  createGate,
  type Gate,
  type GateConfig,
  type Jail,
  type JailExit,
  type JailSpec,
  proofFileOfEnvironment,
} from "@holdfast/gate";
import { removeAtExit } from "@holdfast/testing/scratch";
import { findProgram } from "../src/jail/host/programs.ts";

/** Why a test that needs `program` is skipped; in CI a missing program is a failure instead. */
export function missing(...programs: readonly string[]): string | false {
  if (process.env["CI"] === "true") return false;
  const absent = programs.filter((program) => findProgram(program) === undefined);
  return absent.length > 0 && `needs ${absent.join(" and ")}`;
}

export const isRoot = process.getuid?.() === 0;

/** A directory that goes with the process of the test. */
export function temporaryDirectory(_t: { after(end: () => unknown): void }): string {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-gate-")));
  chmodSync(directory, 0o755);
  removeAtExit(directory);
  return directory;
}

/** A folder with `files` on a file system of its own that has no room; undefined where none can be mounted. */
export function fullDisk(
  t: TestContext,
  name: string,
  files: Readonly<Record<string, string>> = {},
): string | undefined {
  const directory = join(temporaryDirectory(t), name);
  mkdirSync(directory, { mode: 0o700 });
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", directory]);
  if (mounted.status !== 0) return undefined;
  t.after(() => spawnSync("umount", ["--lazy", directory]));
  for (const [path, text] of Object.entries(files)) writeFileSync(join(directory, path), text);
  const file = openSync(join(directory, "filler"), "w");
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    if (Reflect.get(Object(error), "code") !== "ENOSPC") throw error;
  } finally {
    closeSync(file);
  }
  return directory;
}

/** Jails of a gate whose test is not about their proof: the first gate of a run makes it, and the others take it. */
export const provenJails: NonNullable<GateConfig["jails"]> = proofFileOfEnvironment();

/** A real gate that knows no credentials but those of the test. */
export async function openGate(t: TestContext, config: Partial<GateConfig> = {}): Promise<Gate> {
  const dataDir = config.dataDir ?? temporaryDirectory(t);
  const gate = await createGate({
    vault: { env: {}, logins: false },
    ...config,
    jails: { ...provenJails, ...config.jails },
    dataDir,
  });
  t.after(() => gate.close());
  return gate;
}

let count = 0;

/** A jail that runs a shell script. */
export function shell(script: string, spec: Partial<JailSpec> = {}): JailSpec {
  count += 1;
  return {
    id: `test-${count}`,
    command: "/bin/sh",
    args: ["-c", script],
    cwd: "/",
    env: { PATH: "/usr/bin:/bin" },
    mounts: [],
    network: "none",
    ...spec,
  };
}

/** A mount of the running Node, and its path in the jail. */
export const jailNode = {
  path: "/opt/holdfast/node",
  mount: { source: realpathSync(process.execPath), target: "/opt/holdfast/node", mode: "ro" },
} as const;

export interface Finished extends JailExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Lets a jail run to its end and collects what it wrote. */
export async function finish(jail: Jail, input = ""): Promise<Finished> {
  jail.stdin.end(input);
  const [stdout, stderr, exit] = await Promise.all([text(jail.stdout), text(jail.stderr), jail.exited]);
  return { ...exit, stdout, stderr };
}

/** The first line that a jail writes; what follows stays in the stream. */
export async function firstLine(jail: Jail): Promise<string> {
  let seen = "";
  for await (const chunk of jail.stdout.iterator({ destroyOnReturn: false })) {
    seen += String(chunk);
    if (seen.includes("\n")) break;
  }
  return seen.split("\n", 1)[0] ?? "";
}

export interface Upstream {
  readonly url: string;
  readonly port: number;
  readonly requests: { readonly request: IncomingMessage; readonly body: string }[];
}

/** A plain HTTP server on the loopback that keeps what it was asked, and answers once `released`. */
export async function startUpstream(
  t: TestContext,
  answer: (request: IncomingMessage, body: string) => Answer,
  released: Promise<void> = Promise.resolve(),
  address = "127.0.0.1",
): Promise<Upstream> {
  const requests: { request: IncomingMessage; body: string }[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then(
      async (body) => {
        requests.push({ request, body });
        await released;
        const { status = 200, headers = {}, chunks } = answer(request, body);
        response.writeHead(status, headers);
        for (const chunk of chunks) response.write(chunk);
        response.end();
      },
      () => response.destroy(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://${address}:${port}`, port, requests };
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly chunks: readonly (string | Buffer)[];
}

/** Far below how long the processes of a test sleep by themselves, far above what a busy machine needs to end them. */
export const soonMs = 20_000;

/** Polls a condition of the operating system, which tells nobody when it changes. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
