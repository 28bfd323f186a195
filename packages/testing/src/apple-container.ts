/**
 * Emulator of Apple's `container` program, for tests on machines other than a Mac. It has one image, built from this
 * machine's files. `apple-container/program.ts` lists what it understands; `machine.ts` runs the containers.
 */
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, type MachineRecord, MachineRecords } from "./apple-container/records.ts";
import { findProgram } from "./container-image.ts";
import { compileCache } from "./own-imports.ts";

export interface AppleContainer {
  /** Path of the program. */
  readonly path: string;
  /** Name of its only image. */
  readonly image: string;
  /** Its containers, with the pids of the processes that emulate them. */
  machines(): MachineRecord[];
  /** Starts or stops its system services. */
  setServices(running: boolean): void;
  /** Changes the version that it reports. */
  setVersion(line: string): void;
  /** Stops everything that runs and deletes its state. */
  close(): Promise<void>;
}

/** Reason why the emulator cannot run here, or undefined. */
export function appleContainerMissing(): string | undefined {
  const missing = ["bwrap", "perl", "prlimit"].filter((program) => findProgram(program) === undefined);
  return missing.length > 0 ? `needs ${missing.join(", ")}` : undefined;
}

/** Closes inherited file descriptors of the test runner: a real virtual machine inherits none. Loads no modules. */
function launcher(command: readonly string[]): string {
  // It gets the few variables that the real program needs.
  const variables = Object.entries(compileCache).map(([name, value]) => `$ENV{'${name}'} = '${value}';\n`);
  const close = process.arch === "arm64" ? 57 : 3;
  const words = command.map((word) => `'${word}'`).join(", ");
  return `#!/usr/bin/perl
opendir(my $all, "/proc/self/fd"); my @open = grep { /^\\d+$/ && $_ > 2 } readdir $all; closedir $all;
syscall(${close}, 0 + $_) for @open;
${variables.join("")}exec { '${command[0]}' } ${words}, @ARGV or die $!;
`;
}

export const appleContainerImage = "localhost/holdfast-base:1";

/** Creates an emulated `container` with its own state. */
export function startAppleContainer(): AppleContainer {
  const state = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-apple-container-")));
  chmodSync(state, 0o755);
  const path = join(state, "container");
  const program = new URL("./apple-container/program.ts", import.meta.url).pathname;
  writeFileSync(path, launcher([process.execPath, program, state]), { mode: 0o755 });
  const setVersion = (line: string) => writeFileSync(join(state, "version"), `${line}\n`);
  setVersion("container CLI version 1.0.0 (build: release, commit: unspecified)");
  writeFileSync(join(state, "images"), `${appleContainerImage}\n`);
  const records = new MachineRecords(state);
  return {
    ...{ path, image: appleContainerImage, setVersion },
    machines: () => records.all(),
    setServices: (running) => {
      if (running) rmSync(join(state, "stopped"), { force: true });
      else writeFileSync(join(state, "stopped"), "");
    },
    close: async () => {
      const left = records
        .all()
        .flatMap(({ machine, client }) => (machine === undefined ? [client] : [machine, client]));
      for (const pid of left.filter(isAlive)) process.kill(pid, "SIGKILL");
      while (left.some(isAlive)) await delay(5);
      rmSync(state, { recursive: true, force: true });
    },
  };
}
