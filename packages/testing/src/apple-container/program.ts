/**
 * An emulator of Apple's `container`, for machines that are no Mac: the commands and options that Holdfast uses, in
 * the program's own syntax, with its exit codes and what it says (apple/container, docs/command-reference.md and
 * Sources/ContainerCommands). It refuses what it does not know.
 */
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable, type Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { FailedCommand, UsageFault } from "./faults.ts";
import { isAlive, MachineRecords } from "./records.ts";
import { parseRun, type RunOptions } from "./run-options.ts";

const [state = "", ...args] = process.argv.slice(2);
const records = new MachineRecords(state);

try {
  process.exitCode = await answer(args);
} catch (error) {
  if (!(error instanceof UsageFault) && !(error instanceof FailedCommand)) throw error;
  process.stderr.write(`Error: ${error.message}\n`);
  process.exitCode = error instanceof UsageFault ? 64 : 1;
}

async function answer([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "--version") {
    process.stdout.write(readFileSync(join(state, "version"), "utf8"));
    return 0;
  }
  if (command === "system" && rest.join(" ") === "status") return status();
  if (!servicesRun()) {
    throw new FailedCommand("interrupted", "XPC connection error: Connection invalid");
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
      throw new UsageFault(`Unknown command '${command}'`);
  }
}

function servicesRun(): boolean {
  return !existsSync(join(state, "stopped"));
}

function status(): number {
  process.stdout.write(servicesRun() ? "FIELD   VALUE\nstatus  running\n" : "apiserver is not running\n");
  return servicesRun() ? 0 : 1;
}

function hasImage(name: string): boolean {
  return readFileSync(join(state, "images"), "utf8").split("\n").includes(name);
}

function inspectImage([verb, ...names]: readonly string[]): number {
  if (verb !== "inspect" || names.length === 0 || names.some((name) => name.startsWith("-"))) {
    throw new UsageFault("image inspect takes names of images");
  }
  const missing = names.find((name) => !hasImage(name));
  if (missing !== undefined) throw new FailedCommand("notFound", `image not found: ${missing}`);
  process.stdout.write(`${JSON.stringify(names.map((name) => ({ name, variants: [] })))}\n`);
  return 0;
}

/** Options of a command that takes flags and names. Throws a {@link UsageFault} for what is neither. */
function flagsAndNames(
  given: readonly string[],
  flags: readonly string[],
): { set: Set<string>; names: string[] } {
  const names = given.filter((word) => !word.startsWith("-"));
  const set = new Set(given.filter((word) => word.startsWith("-")));
  for (const flag of set) if (!flags.includes(flag)) throw new UsageFault(`Unknown option '${flag}'`);
  return { set, names };
}

function list(given: readonly string[]): number {
  const { set, names } = flagsAndNames(given, ["--all", "--quiet"]);
  if (names.length > 0 || !set.has("--quiet")) throw new UsageFault("only lists of names are emulated");
  for (const { name, first } of records.all()) {
    if (set.has("--all") || (first !== undefined && isAlive(first))) process.stdout.write(`${name}\n`);
  }
  return 0;
}

function kill(given: readonly string[]): number {
  const [option, signal, ...names] = given;
  if (option !== "--signal" || (signal !== "TERM" && signal !== "KILL"))
    throw new UsageFault("kill --signal SIGNAL");
  if (names.length === 0)
    throw new FailedCommand("invalidArgument", "no containers specified and --all not supplied");
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

/** Takes the machine away as a whole, and waits until nothing of it lives. */
async function remove(given: readonly string[]): Promise<number> {
  const { set, names } = flagsAndNames(given, ["--force"]);
  if (names.length === 0)
    throw new FailedCommand("invalidArgument", "no containers specified and --all not supplied");
  for (const name of names) {
    const record = records.find(name);
    if (record === undefined) throw new FailedCommand("notFound", `container with ID ${name} not found`);
    const { machine, first } = record;
    const alive = [machine, first].filter((pid) => pid !== undefined).filter(isAlive);
    if (alive.length > 0 && !set.has("--force")) {
      throw new FailedCommand("invalidState", `container ${name} is running and can not be deleted`);
    }
    if (machine !== undefined && alive.includes(machine)) process.kill(machine, "SIGKILL");
    // No process of it is a child of this one, so their end can only be looked for.
    while (alive.some(isAlive)) await delay(5);
    records.remove(name);
    process.stdout.write(`${name}\n`);
  }
  return 0;
}

async function run(options: RunOptions): Promise<number> {
  const { name, image, labels, cidfile } = options;
  if (records.find(name) !== undefined)
    throw new FailedCommand("exists", `container with id ${name} already exists`);
  if (!hasImage(image)) throw new FailedCommand("notFound", `image not found: ${image}`);
  records.write({ name, labels, client: process.pid });
  const program = new URL("./machine.ts", import.meta.url).pathname;
  const machine = spawn(process.execPath, [program, state, name, JSON.stringify(options)], {
    // It belongs to the services, and lives on when this command is killed.
    detached: true,
    stdio: [options.interactive ? "pipe" : "ignore", "pipe", "pipe", "pipe"],
  });
  if (machine.pid !== undefined) records.write({ name, labels, client: process.pid, machine: machine.pid });
  // Settled before a short command ends, which is sooner than its last words are read.
  const ended = new Promise<number>((resolve) => {
    machine.once("exit", (code) => resolve(code ?? 137));
  });
  const { stdin, stdout, stderr } = machine;
  const started = machine.stdio[3];
  if (stdout === null || stderr === null || !(started instanceof Readable)) {
    throw new FailedCommand("internalError", "failed to start the machine");
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
  const taken = Promise.all([passOn(stdout, process.stdout), passOn(stderr, process.stderr)]);
  const code = await ended;
  await taken;
  process.stdin.destroy();
  return code;
}

/** Hands on all that comes, at the pace of who takes it. */
async function passOn(from: Readable, to: Writable): Promise<void> {
  to.on("error", () => from.destroy());
  await new Promise<void>((resolve) => {
    from.once("close", resolve).pipe(to, { end: false });
  });
}
