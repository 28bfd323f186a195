/**
 * Options of `container run` that are emulated, with the names and formats of apple/container's command reference.
 * Other options are rejected like unknown ones.
 */
import { existsSync } from "node:fs";
import { CommandError, UsageError } from "./faults.ts";

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

const valueOptions = [
  ...["--name", "--cidfile", "--label", "--progress", "--network", "--cap-drop", "--uid", "--gid", "--cwd"],
  ...["--cpus", "--memory", "--ulimit", "--mount", "--volume", "--entrypoint"],
] as const;
const flagOptions = ["--rm", "--interactive", "--no-dns", "--read-only"] as const;

type Valued = (typeof valueOptions)[number];
type Flag = (typeof flagOptions)[number];

const mebibyte = 1024 * 1024;
const minimumMemory = 200 * mebibyte;

/** Throws a {@link UsageError} or a {@link CommandError}, where the program would. */
export function parseRun(args: readonly string[]): RunOptions {
  const values = new Map<Valued, string[]>();
  const set = new Set<Flag>();
  let at = 0;
  for (; at < args.length; at += 1) {
    const word = args[at] ?? "";
    if (!word.startsWith("-")) break;
    const flag = flagOptions.find((each) => each === word);
    const option = valueOptions.find((each) => each === word);
    if (flag !== undefined) set.add(flag);
    else if (option !== undefined) {
      const value = args[++at];
      if (value === undefined) throw new UsageError(`Missing value for '${word} <value>'`);
      values.set(option, [...(values.get(option) ?? []), value]);
    } else throw new UsageError(`Unknown option '${word}'`);
  }
  const image = args[at];
  if (image === undefined) throw new UsageError("Missing expected argument '<image>'");
  const all = (option: Valued): readonly string[] => values.get(option) ?? [];
  const last = (option: Valued): string | undefined => all(option).at(-1);
  const name = last("--name") ?? crypto.randomUUID();
  if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/.test(name) || name.length > 64) {
    throw new CommandError("invalidArgument", `invalid entity name ${name}`);
  }
  if (!["none", "ansi", "auto", "plain", "color"].includes(last("--progress") ?? "auto")) {
    throw new UsageError(`The value '${last("--progress")}' is invalid for '--progress <type>'`);
  }
  wholeNumber("--cpus", last("--cpus"));
  const memory = last("--memory");
  if (memory !== undefined && parseSize(memory) < minimumMemory) {
    throw new CommandError(
      "invalidArgument",
      `minimum memory amount allowed is 200 MiB (got ${parseSize(memory)} bytes)`,
    );
  }
  if (all("--network").some((each) => each !== "none")) {
    throw new CommandError("notFound", "there is no network of that name");
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
    limits: all("--ulimit").map(parseLimit),
    volumes: all("--volume").map(parseVolume),
    memory: all("--mount").map(parseMemoryMount),
  };
}

function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new UsageError(`The value '${text}' is invalid for '${option}'`);
  return Number(text);
}

const units: Readonly<Record<string, number>> = { "": 1, K: 1024, M: mebibyte, G: 1024 * mebibyte };

/** The program rounds to MiB. */
function parseSize(text: string): number {
  const [, digits, unit = ""] = /^(\d+)([KMG]?)$/i.exec(text) ?? [];
  if (digits === undefined) throw new CommandError("invalidArgument", `invalid size: ${text}`);
  return Math.floor((Number(digits) * (units[unit.toUpperCase()] ?? 1)) / mebibyte) * mebibyte;
}

function parseLimit(text: string): RunOptions["limits"][number] {
  const [, kind, soft = "", hard] = /^(core|nproc|nofile)=(\d+)(?::(\d+))?$/.exec(text) ?? [];
  if (kind === undefined) throw new CommandError("invalidArgument", `invalid ulimit: ${text}`);
  return { kind, soft, hard: hard ?? soft };
}

/** Splits at every colon and drops empty parts, like the program: a path with a colon cannot be mounted. */
function parseVolume(text: string): Volume {
  const [source = "", target = "", options, ...more] = text.split(":").filter((part) => part !== "");
  if (target === "" || more.length > 0)
    throw new CommandError("invalidArgument", `invalid volume format ${text}`);
  if (!source.includes("/") || !existsSync(source)) {
    throw new CommandError("invalidArgument", `path '${source}' does not exist`);
  }
  return { source, target, readOnly: options?.split(",").includes("ro") === true };
}

/** Supports only `--mount` in memory; folders use `--volume`. */
function parseMemoryMount(text: string): MemoryMount {
  const parts = Object.fromEntries(text.split(",").map((part) => part.split("=") as [string, string]));
  const { type, destination, size, mode = "1777", ...more } = parts;
  const unknown = Object.keys(more)[0];
  if (unknown !== undefined) {
    throw new CommandError("invalidArgument", `unknown directive ${unknown} when parsing mount ${text}`);
  }
  if (type !== "tmpfs") throw new CommandError("invalidArgument", `unsupported mount type ${type}`);
  if (destination === undefined)
    throw new CommandError("invalidArgument", "mount destination cannot be empty");
  return { target: destination, bytes: size === undefined ? undefined : parseSize(size), mode };
}
