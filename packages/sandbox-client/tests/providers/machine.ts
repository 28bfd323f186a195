/** A machine of a vendor, played by a directory: what the vendor's SDK is told to run, really runs. */
import { execFile } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { freePort } from "@holdfast/testing/free-port";
import { compileCache, ownImports } from "@holdfast/testing/own-imports";

export const serverEntry = fileURLToPath(new URL("../../../sandbox/src/cli.ts", import.meta.url));

export class Machine {
  readonly id: string;
  readonly home: string;
  readonly port: number;

  private constructor(home: string, port: number) {
    this.home = home;
    this.port = port;
    this.id = home.split("/").at(-1) ?? "";
  }

  static async make(): Promise<Machine> {
    const machine = new Machine(mkdtempSync(join(tmpdir(), "holdfast-machine-")), await freePort());
    const bin = join(machine.home, "bin");
    mkdirSync(bin);
    // The command `holdfast`: its port is the one that the vendor would map to the machine's.
    const script = [
      "#!/bin/sh",
      `port=0; host=0; for arg; do shift`,
      `  case "$arg" in sandbox|server) continue;; esac`,
      `  [ $port = 1 ] && { arg=${machine.port}; port=0; }`,
      `  [ $host = 1 ] && { arg=127.0.0.1; host=0; }`,
      `  [ "$arg" = --port ] && port=1`,
      `  [ "$arg" = --host ] && host=1`,
      `  set -- "$@" "$arg"`,
      "done",
      `exec ${[process.execPath, ...ownImports].join(" ")} ${serverEntry} "$@" --home "$HOME" --cwd "$HOME"`,
    ];
    writeFileSync(join(bin, "holdfast"), `${script.join("\n")}\n`);
    chmodSync(join(bin, "holdfast"), 0o755);
    return machine;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  run(script: string): Promise<{ exitCode: number; stdout: string; stderr: string }> {
    const path = `${join(this.home, "bin")}:${process.env["PATH"]}`;
    const env = { PATH: path, ...compileCache, HOME: this.home };
    return new Promise((resolve) => {
      execFile("sh", ["-c", script], { env, cwd: this.home }, (error, stdout, stderr) => {
        resolve({ exitCode: error ? Number(error.code ?? 1) : 0, stdout, stderr });
      });
    });
  }

  /** Ends the servers that were started, also one that is only about to; the machine can be started again. */
  async stop(): Promise<void> {
    const told = new Set<number>();
    for (let pids = this.#servers(); pids.length > 0; pids = this.#servers()) {
      for (const pid of pids) {
        if (told.has(pid)) continue;
        told.add(pid);
        try {
          process.kill(pid, "SIGTERM");
        } catch {
          // It has ended by itself, as a second server on one port does.
        }
      }
      await delay(5);
    }
  }

  /** Whatever was told of this machine's directory: they are nobody's children here. */
  #servers(): number[] {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid !== process.pid && commandLine(pid).includes(this.home));
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Empty for a process that has ended, waited for or not. */
function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** All machines of a vendor. */
export class Machines {
  readonly #all = new Map<string, Machine>();

  async make(): Promise<Machine> {
    const machine = await Machine.make();
    this.#all.set(machine.id, machine);
    return machine;
  }

  /** As vendors do: an error with a status. */
  get(id: string): Machine {
    const machine = this.#all.get(id);
    if (machine) return machine;
    throw Object.assign(new Error(`sandbox ${id} not found`), { status: 404 });
  }

  async remove(id: string): Promise<void> {
    const machine = this.get(id);
    this.#all.delete(id);
    await machine.remove();
  }

  async clear(): Promise<void> {
    for (const id of [...this.#all.keys()]) await this.remove(id);
  }
}
