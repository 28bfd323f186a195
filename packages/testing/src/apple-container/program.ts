/**
 * Emulator of Apple's `container` program: the commands and options that Holdfast uses, with its syntax, exit codes
 * and messages (apple/container, docs/command-reference.md and Sources/ContainerCommands). It rejects everything else.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { CommandError, UsageError } from "./faults.ts";
import { isAlive, MachineRecords } from "./records.ts";
import { parseRun, type RunOptions } from "./run-options.ts";

const [state = "", ...args] = process.argv.slice(2);
const records = new MachineRecords(state);

try {
  process.exitCode = await answer(args);
} catch (error) {
  if (!(error instanceof UsageError) && !(error instanceof CommandError)) throw error;
  process.stderr.write(`Error: ${error.message}\n`);
  process.exitCode = error instanceof UsageError ? 64 : 1;
}

async function answer([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "--version") {
    process.stdout.write(readFileSync(join(state, "version"), "utf8"));
    return 0;
  }
  if (command === "system" && rest.join(" ") === "status") return status();
  if (!requireServices()) {
    throw new CommandError("interrupted", "XPC connection error: Connection invalid");
  }
  switch (command) {
    case "run":
      return run(parseRun(rest));
    case "list":
      return list(rest);
    case "kill":
      return kill(rest);
    case "delete":
      return remove(rest);
    case "image":
      return inspectImage(rest);
    default:
      throw new UsageError(`Unknown command '${command}'`);
  }
}

function requireServices(): boolean {
  return !existsSync(join(state, "stopped"));
}

function status(): number {
  process.stdout.write(requireServices() ? "FIELD   VALUE\nstatus  running\n" : "apiserver is not running\n");
  return requireServices() ? 0 : 1;
}

function hasImage(name: string): boolean {
  return readFileSync(join(state, "images"), "utf8").split("\n").includes(name);
}

function inspectImage([verb, ...names]: readonly string[]): number {
  if (verb !== "inspect" || names.length === 0 || names.some((name) => name.startsWith("-"))) {
    throw new UsageError("image inspect takes names of images");
  }
  const missing = names.find((name) => !hasImage(name));
  if (missing !== undefined) throw new CommandError("notFound", `image not found: ${missing}`);
  process.stdout.write(`${JSON.stringify(names.map((name) => ({ name, variants: [] })))}\n`);
  return 0;
}

/** Parses flags and names. Throws a {@link UsageError} for anything else. */
function parseFlagsAndNames(
  given: readonly string[],
  flags: readonly string[],
): { set: Set<string>; names: string[] } {
  const names = given.filter((word) => !word.startsWith("-"));
  const set = new Set(given.filter((word) => word.startsWith("-")));
  for (const flag of set) if (!flags.includes(flag)) throw new UsageError(`Unknown option '${flag}'`);
  return { set, names };
}

function list(given: readonly string[]): number {
  const { set, names } = parseFlagsAndNames(given, ["--all", "--quiet"]);
  if (names.length > 0 || !set.has("--quiet")) throw new UsageError("only lists of names are emulated");
  for (const { name, first } of records.all()) {
    if (set.has("--all") || (first !== undefined && isAlive(first))) process.stdout.write(`${name}\n`);
  }
  return 0;
}

function kill(given: readonly string[]): number {
  const [option, signal, ...names] = given;
  if (option !== "--signal" || (signal !== "TERM" && signal !== "KILL"))
    throw new UsageError("kill --signal SIGNAL");
  if (names.length === 0)
    throw new CommandError("invalidArgument", "no containers specified and --all not supplied");
  let code = 0;
  for (const name of names) {
    const first = records.find(name)?.first;
    if (first === undefined || !isAlive(first)) {
      process.stderr.write(`Error: No such container: ${name}\n`);
      code = 1;
      continue;
    }
    process.kill(first, `SIG${signal}`);
    process.stdout.write(`${name}\n`);
  }
  return code;
}

/** Kills the whole machine and waits until all its processes have exited. */
async function remove(given: readonly string[]): Promise<number> {
  const { set, names } = parseFlagsAndNames(given, ["--force"]);
  if (names.length === 0)
    throw new CommandError("invalidArgument", "no containers specified and --all not supplied");
  for (const name of names) {
    const record = records.find(name);
    if (record === undefined) throw new CommandError("notFound", `container with ID ${name} not found`);
    const { machine, first } = record;
    const alive = [machine, first].filter((pid) => pid !== undefined).filter(isAlive);
    if (alive.length > 0 && !set.has("--force")) {
      throw new CommandError("invalidState", `container ${name} is running and can not be deleted`);
    }
    if (machine !== undefined && alive.includes(machine)) process.kill(machine, "SIGKILL");
    // Polls, since its processes are not children of this one.
    while (alive.some(isAlive)) await delay(5);
    records.remove(name);
    process.stdout.write(`${name}\n`);
  }
  return 0;
}

async function run(options: RunOptions): Promise<number> {
  const { name, image, labels, cidfile } = options;
  if (records.find(name) !== undefined)
    throw new CommandError("exists", `container with id ${name} already exists`);
  if (!hasImage(image)) throw new CommandError("notFound", `image not found: ${image}`);
  records.write({ name, labels, client: process.pid });
  const program = new URL("./machine.ts", import.meta.url).pathname;
  const machine = spawn(process.execPath, [program, state, name, JSON.stringify(options)], {
    // Detached: a machine belongs to the services and survives a kill of this command.
    detached: true,
    stdio: [options.interactive ? "pipe" : "ignore", "pipe", "pipe", "pipe"],
  });
  if (machine.pid !== undefined) records.write({ name, labels, client: process.pid, machine: machine.pid });
  // Observed before a short command exits, which can happen before its output is read.
  const ended = new Promise<number>((resolve) => {
    machine.once("exit", (code) => resolve(code ?? 137));
  });
  const { stdin, stdout, stderr } = machine;
  const started = machine.stdio[3];
  if (stdout === null || stderr === null || !(started instanceof Readable)) {
    throw new CommandError("internalError", "failed to start the machine");
  }
  started.once("data", () => {
    if (cidfile !== undefined) writeFileSync(cidfile, name);
  });
  if (stdin !== null) {
    process.stdin.pipe(stdin).on("error", () => process.stdin.destroy());
  }
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      const first = records.find(name)?.first;
      if (first !== undefined && isAlive(first)) process.kill(first, signal);
    });
  }
  const taken = Promise.all([copyStream(stdout, process.stdout), copyStream(stderr, process.stderr)]);
  const code = await ended;
  await taken;
  process.stdin.destroy();
  return code;
}

/** Copies a stream with backpressure. */
async function copyStream(from: Readable, to: Writable): Promise<void> {
  to.on("error", () => from.destroy());
  await new Promise<void>((resolve) => {
    from.once("close", resolve).pipe(to, { end: false });
  });
}
