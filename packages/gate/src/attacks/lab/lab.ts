/** Lab of the attacks: jails, tools, upstreams and planted secrets. */
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import type { Gate } from "../../config.ts";
import { findProgram } from "../../jail/host/programs.ts";
import type { Jail, JailExit, JailSpec, JailUsage } from "../../jail/jail.ts";
import type { AttackTools } from "./attack-tools.ts";
import type { EchoUpstream } from "./echo-upstream.ts";
import type { AttackNames } from "./host-names.ts";
import { NotApplicable } from "./not-tried.ts";

export interface Finished extends JailExit {
  readonly stdout: string;
  readonly stderr: string;
}

/** Secrets planted where a host usually keeps them. None may be visible in a jail. */
export interface Canaries {
  /** The key that the gate adds on the way to the model. */
  readonly modelKey: string;
  /** In a host file that no jail mounts. */
  readonly hostFile: string;
}

export interface LabParts {
  readonly gate: Gate;
  readonly directory: string;
  readonly canaries: Canaries;
  readonly hostFile: string;
  readonly upstream: EchoUpstream;
  readonly tools: AttackTools;
  readonly names: AttackNames;
}

/** A system call by number: numbers and strings, as perl's `syscall` takes them. */
export interface SystemCall {
  readonly name: string;
  readonly nr: number;
  readonly args: readonly (number | string)[];
}

/** An attempt that hangs has failed. */
const patienceMs = 30_000;

const node = "/opt/holdfast/node";

/** Runs attempts in jails of the real gate, and the same programs on the host as controls. */
export class AttackLab {
  readonly gate: Gate;
  readonly canaries: Canaries;
  /** Host path of a file that contains `canaries.hostFile`. */
  readonly hostFile: string;
  readonly upstream: EchoUpstream;
  /** Tools that the broker offers to the jails of this lab. */
  readonly tools: AttackTools;
  /** Attacker-controlled names. */
  readonly names: AttackNames;
  /** Path of Node in every jail. */
  readonly node = node;
  readonly #directory: string;
  readonly #jails: Jail[] = [];
  readonly #servers: Server[] = [];
  #count = 0;
  /** Everything that jails wrote, for the final search for canaries. */
  readonly said: string[] = [];

  constructor(parts: LabParts) {
    this.gate = parts.gate;
    this.canaries = parts.canaries;
    this.hostFile = parts.hostFile;
    this.upstream = parts.upstream;
    this.tools = parts.tools;
    this.names = parts.names;
    this.#directory = parts.directory;
    mkdirSync(this.#directory, { recursive: true, mode: 0o755 });
  }

  /** True with a user-space kernel, whose devices and priorities are not the host's. */
  get ownKernel(): boolean {
    return this.gate.jails.driver.name === "gvisor";
  }

  /** Creates a host directory that an attempt may mount. */
  directory(name: string): string {
    const directory = mkdtempSync(join(realpathSync(this.#directory), `${name}-`));
    chmodSync(directory, 0o755);
    return directory;
  }

  /** Starts a server on the host, on loopback TCP or on an abstract or path socket. It stops with the run. */
  async listen(where: number | string): Promise<number> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.end("host");
    });
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      if (typeof where === "string") server.listen(where, resolve);
      else server.listen(where, "127.0.0.1", resolve);
    });
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  spec(spec: Partial<JailSpec>): JailSpec {
    this.#count += 1;
    return {
      id: `attack-${this.#count}`,
      command: "/bin/sh",
      args: [],
      cwd: "/",
      env: { PATH: "/usr/bin:/bin", HOME: "/home/agent" },
      network: "none",
      ...spec,
      mounts: [{ source: realpathSync(process.execPath), target: node, mode: "ro" }, ...(spec.mounts ?? [])],
    };
  }

  async start(spec: Partial<JailSpec>): Promise<Jail> {
    const jail = await this.gate.jails.start(this.spec(spec));
    this.#jails.push(jail);
    return jail;
  }

  /** Waits for a jail to end. */
  async finish(jail: Jail, input = ""): Promise<Finished> {
    jail.stdin.on("error", () => {});
    jail.stdin.end(input);
    const late = setTimeout(() => void jail.stop({ graceMs: 0 }), patienceMs);
    const [stdout, stderr, exit] = await Promise.all([text(jail.stdout), text(jail.stderr), jail.exited]);
    clearTimeout(late);
    this.said.push(stdout, stderr);
    return { ...exit, stdout, stderr };
  }

  /** Runs a shell script in a jail. */
  async shell(script: string, spec: Partial<JailSpec> = {}): Promise<Finished> {
    return this.finish(await this.start({ ...spec, command: "/bin/sh", args: ["-c", script] }));
  }

  /** Runs an ES module with Node in a jail and returns the JSON of its last line. */
  async inside(script: string, spec: Partial<JailSpec> = {}): Promise<Answers> {
    const jail = await this.start({ ...spec, command: node, args: ["--input-type=module", "-e", script] });
    return lastJson(await this.finish(jail));
  }

  /** As {@link inside}, with the jail's resource usage. */
  async timed(script: string, spec: Partial<JailSpec>): Promise<{ answers: Answers; usage: JailUsage }> {
    const jail = await this.start({ ...spec, command: node, args: ["--input-type=module", "-e", script] });
    const answers = lastJson(await this.finish(jail));
    return { answers, usage: jail.usage() };
  }

  /** Runs the same module on the host without a jail, as the control. */
  async outside(script: string, env: Readonly<Record<string, string>> = {}): Promise<Answers> {
    return lastJson(await runOutside(process.execPath, ["--input-type=module", "-e", script], env));
  }

  /** Tries system calls in a jail, each in its own process. Returns the outcome of each by name. */
  async calls(calls: readonly SystemCall[], spec: Partial<JailSpec> = {}): Promise<Map<string, string>> {
    const jail = await this.start({ ...spec, command: "perl", args: ["-e", perlScript(calls)] });
    return outcomes((await this.finish(jail)).stdout);
  }

  async callsOutside(calls: readonly SystemCall[]): Promise<Map<string, string>> {
    return outcomes((await runOutside("perl", ["-e", perlScript(calls)])).stdout);
  }

  /** Throws {@link NotApplicable} if the host, and therefore its jails, lack a program. */
  needs(...programs: readonly string[]): void {
    for (const program of programs) {
      if (findProgram(program) === undefined) throw new NotApplicable(`needs ${program}`);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#jails.map((jail) => jail.stop({ graceMs: 0 })));
    for (const server of this.#servers) server.close();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Last output of an attempt's script. */
export type Answers = Readonly<Record<string, string>>;

function lastJson({
  stdout,
  stderr,
  code,
}: {
  stdout: string;
  stderr: string;
  code: number | null;
}): Answers {
  if (code !== 0) throw new Error(`a program of the attack ended with ${code}: ${stderr.slice(-2_000)}`);
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "{}") as Answers;
}

async function runOutside(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", ...env },
    timeout: 30_000,
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { stdout, stderr, code };
}

/** Perl is part of Debian and most other systems, and makes system calls without a compiler. */
function perlScript(calls: readonly SystemCall[]): string {
  const rows = calls.map(
    ({ name, nr, args }) =>
      `[${JSON.stringify(name)}, ${nr}, ${args.map((each) => (typeof each === "string" ? `"${each}"` : each)).join(", ")}]`,
  );
  return `
    use Errno; $| = 1;
    for my $call (${rows.join(",\n")}) {
      my ($name, $nr, @args) = @$call;
      my $pid = fork();
      if (!$pid) {
        $! = 0;
        my $result = syscall($nr, @args);
        my $errno = $result == -1 ? $!{EPERM} ? "EPERM" : $!{ENOSYS} ? "ENOSYS" : "errno " . ($! + 0) : "done";
        print "$name=$errno\\n";
        exit;
      }
      waitpid($pid, 0);
      print "$name=signal " . ($? & 127) . "\\n" if $? & 127;
    }`;
}

function outcomes(output: string): Map<string, string> {
  const lines = output
    .trim()
    .split("\n")
    .filter((line) => line.includes("="));
  return new Map(lines.map((line) => line.split("=") as [string, string]));
}
