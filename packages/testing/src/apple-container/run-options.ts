/**
 * What `container run` of apple/container takes, as far as it is emulated: its options by the names and in the shapes
 * of the program's command reference. What is not here is refused as the program refuses what it does not know.
 */
import { existsSync } from "node:fs";
import { FailedCommand, UsageFault } from "./faults.ts";

export interface Volume {
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
}

export interface MemoryMount {
  readonly target: string;
  readonly bytes: number | undefined;
  readonly mode: string;
}

export interface RunOptions {
  readonly name: string;
  readonly image: string;
  readonly arguments: readonly string[];
  readonly entrypoint: string | undefined;
  readonly cidfile: string | undefined;
  readonly remove: boolean;
  readonly interactive: boolean;
  readonly readOnly: boolean;
  readonly noNetwork: boolean;
  readonly noCapabilities: boolean;
  readonly uid: number;
  readonly gid: number;
  readonly cwd: string;
  readonly labels: readonly string[];
  readonly limits: readonly { readonly kind: string; readonly soft: string; readonly hard: string }[];
  readonly volumes: readonly Volume[];
  readonly memory: readonly MemoryMount[];
}

const valued = [
  ...["--name", "--cidfile", "--label", "--progress", "--network", "--cap-drop", "--uid", "--gid", "--cwd"],
  ...["--cpus", "--memory", "--ulimit", "--mount", "--volume", "--entrypoint"],
] as const;
const flags = ["--rm", "--interactive", "--no-dns", "--read-only"] as const;

type Valued = (typeof valued)[number];
type Flag = (typeof flags)[number];

const mebibyte = 1024 * 1024;
const minimumMemory = 200 * mebibyte;

/** Throws a {@link UsageFault} or a {@link FailedCommand}, as the program would. */
export function parseRun(args: readonly string[]): RunOptions {
  const values = new Map<Valued, string[]>();
  const set = new Set<Flag>();
  let at = 0;
  for (; at < args.length; at += 1) {
    const word = args[at] ?? "";
    if (!word.startsWith("-")) break;
    const flag = flags.find((each) => each === word);
    const option = valued.find((each) => each === word);
    if (flag !== undefined) set.add(flag);
    else if (option !== undefined) {
      const value = args[++at];
      if (value === undefined) throw new UsageFault(`Missing value for '${word} <value>'`);
      values.set(option, [...(values.get(option) ?? []), value]);
    } else throw new UsageFault(`Unknown option '${word}'`);
  }
  const image = args[at];
  if (image === undefined) throw new UsageFault("Missing expected argument '<image>'");
  const all = (option: Valued): readonly string[] => values.get(option) ?? [];
  const last = (option: Valued): string | undefined => all(option).at(-1);
  const name = last("--name") ?? crypto.randomUUID();
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) || name.length > 64) {
    throw new FailedCommand("invalidArgument", `invalid entity name ${name}`);
  }
  if (!["none", "ansi", "auto", "plain", "color"].includes(last("--progress") ?? "auto")) {
    throw new UsageFault(`The value '${last("--progress")}' is invalid for '--progress <type>'`);
  }
  wholeNumber("--cpus", last("--cpus"));
  const memory = last("--memory");
  if (memory !== undefined && sizeOf(memory) < minimumMemory) {
    throw new FailedCommand(
      "invalidArgument",
      `minimum memory amount allowed is 200 MiB (got ${sizeOf(memory)} bytes)`,
    );
  }
  if (all("--network").some((each) => each !== "none")) {
    throw new FailedCommand("notFound", "there is no network of that name");
  }
  return {
    ...{ name, image, arguments: args.slice(at + 1) },
    entrypoint: last("--entrypoint"),
    cidfile: last("--cidfile"),
    remove: set.has("--rm"),
    interactive: set.has("--interactive"),
    readOnly: set.has("--read-only"),
    noNetwork: all("--network").includes("none"),
    noCapabilities: all("--cap-drop").includes("ALL"),
    uid: wholeNumber("--uid", last("--uid")) ?? 0,
    gid: wholeNumber("--gid", last("--gid")) ?? 0,
    cwd: last("--cwd") ?? "/",
    labels: all("--label"),
    limits: all("--ulimit").map(limitOf),
    volumes: all("--volume").map(volumeOf),
    memory: all("--mount").map(memoryMountOf),
  };
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageFault(`The value '${text}' is invalid for '${option}'`);
  return Number(text);
}

const units: Readonly<Record<string, number>> = { "": 1, K: 1024, M: mebibyte, G: 1024 * mebibyte };

/** The program counts in whole MiB. */
function sizeOf(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([KMG]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new FailedCommand("invalidArgument", `invalid size: ${text}`);
  return Math.floor((Number(digits) * (units[unit.toUpperCase()] ?? 1)) / mebibyte) * mebibyte;
}

function limitOf(text: string): RunOptions["limits"][number] {
  const [, kind, soft = "", hard] = /^(core|nproc|nofile)=(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (kind === undefined) throw new FailedCommand("invalidArgument", `invalid ulimit: ${text}`);
  return { kind, soft, hard: hard ?? soft };
}

/** Splits at every colon, and takes empty parts away: a path with a colon cannot be mounted. */
function volumeOf(text: string): Volume {
  const [source = "", target = "", options, ...more] = text.split(":").filter((part) => part !== "");
  if (target === "" || more.length > 0)
    throw new FailedCommand("invalidArgument", `invalid volume format ${text}`);
  if (!source.includes("/") || !existsSync(source)) {
    throw new FailedCommand("invalidArgument", `path '${source}' does not exist`);
  }
  return { source, target, readOnly: options?.split(",").includes("ro") === true };
}

/** Of the kinds of `--mount` only the one in memory; of a folder it is what `--volume` says. */
function memoryMountOf(text: string): MemoryMount {
  const parts = Object.fromEntries(text.split(",").map((part) => part.split("=") as [string, string]));
  const { type, destination, size, mode = "1777", ...more } = parts;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) {
    throw new FailedCommand("invalidArgument", `unknown directive ${unknown} when parsing mount ${text}`);
  }
  if (type !== "tmpfs") throw new FailedCommand("invalidArgument", `unsupported mount type ${type}`);
  if (destination === undefined)
    throw new FailedCommand("invalidArgument", "mount destination cannot be empty");
  return { target: destination, bytes: size === undefined ? undefined : sizeOf(size), mode };
}
