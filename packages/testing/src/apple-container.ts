/**
 * Apple's `container` for tests on machines that are no Mac: an emulator of the program, with one image of this
 * machine's own files. See `apple-container/program.ts` for what it understands, and `machine.ts` for what it runs.
 */
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, type MachineRecord, MachineRecords } from "./apple-container/records.ts";
import { findProgram } from "./container-image.ts";

export interface AppleContainer {
  /** The program. */
  readonly path: string;
  /** Name of the one image that it has. */
  readonly image: string;
  /** Its containers, with the pids that stand for them here. */
  machines(): MachineRecord[];
  /** Stops its services, or starts them again. */
  setServices(running: boolean): void;
  /** Another version that it says it is of. */
  setVersion(line: string): void;
  /** Ends what still runs and removes all that it has. */
  close(): Promise<void>;
}

/** What keeps the emulator from running here, or undefined. */
export function appleContainerMissing(): string | undefined {
  const missing = ["bwrap", "perl", "prlimit"].filter((program) => findProgram(program) === undefined);
  return missing.length > 0 ? `needs ${missing.join(", ")}` : undefined;
}

/** Closes what a test runner may have left open: nothing of a host is ever open in a machine of its own. */
function launcher(command: readonly string[]): string {
  const words = command.map((word) => `'${word}'`).join(", ");
  return `#!/usr/bin/perl
use POSIX ();
POSIX::close($_) for map { m{/(\\d+)$} && $1 > 2 ? $1 : () } glob("/proc/self/fd/*");
exec { '${command[0]}' } ${words}, @ARGV or die $!;
`;
}

export const appleContainerImage = "localhost/holdfast-base:1";

/** Makes an emulated `container` with a state of its own. */
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
