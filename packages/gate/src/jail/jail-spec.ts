import { existsSync, realpathSync } from "node:fs";
import { isAbsolute, normalize } from "node:path";
import { HoldfastError } from "@holdfast/core";
import type { JailMount, JailSpec } from "./jail.ts";

/** Bounds on jail specs, and their defaults. */
export const jailLimits = {
  maxMounts: 64,
  maxEnvBytes: 256 * 1024,
  maxArgsBytes: 256 * 1024,
  minMemoryBytes: 16 * 1024 * 1024,
  minPids: 8,
  minDiskBytes: 1024 * 1024,
  minDiskEntries: 16,
  minDiskBytesPerSecond: 64 * 1024,
  minDiskOperationsPerSecond: 10,
  /** The kernel counts operations in 32 bits. */
  maxDiskOperationsPerSecond: 4_294_967_295,
  maxCpus: 1024,
  defaultTmpBytes: 512 * 1024 * 1024,
  defaultGraceMs: 300,
  startTimeoutMs: 10_000,
  toolTimeoutMs: 60_000,
  toolMaxOutputBytes: 16 * 1024 * 1024,
} as const;

/** Paths of a jail that no mount may replace. */
const ownedByJail = ["/proc", "/dev", "/sys", "/etc", "/usr", "/bin", "/lib", "/lib64", "/sbin", "/tmp"];

function invalid(message: string): HoldfastError {
  return new HoldfastError("jail", "invalid_spec", message, { statusCode: 400 });
}

function isBelow(path: string, parent: string): boolean {
  return path === parent || path.startsWith(parent === "/" ? "/" : `${parent}/`);
}

function checkPath(path: string, what: string): void {
  if (
    !isAbsolute(path) ||
    path.includes("\0") ||
    normalize(path) !== path ||
    (path.length > 1 && path.endsWith("/"))
  ) {
    throw invalid(`${what} must be an absolute, normalised path: ${JSON.stringify(path)}`);
  }
}

function checkMounts(mounts: readonly JailMount[]): JailMount[] {
  if (mounts.length > jailLimits.maxMounts) throw invalid(`More than ${jailLimits.maxMounts} mounts`);
  const resolved = mounts.map(({ source, target, mode, uncounted, remote }) => {
    checkPath(source, "The source of a mount");
    checkPath(target, "The target of a mount");
    if (uncounted !== undefined && typeof uncounted !== "boolean")
      throw invalid(`uncounted of the mount ${target} must be true or false`);
    if (remote !== undefined && typeof remote !== "boolean")
      throw invalid(`remote of the mount ${target} must be true or false`);
    if (mode !== "ro" && mode !== "rw") throw invalid(`The mode of the mount ${target} must be ro or rw`);
    if (target === "/" || ownedByJail.some((path) => isBelow(target, path))) {
      throw invalid(
        `The target ${target} belongs to the jail. Mount at another path, for example below /workspace`,
      );
    }
    if (remote === true) return { source, target, mode, remote };
    if (!existsSync(source)) throw invalid(`The source of the mount ${target} does not exist: ${source}`);
    return {
      ...{ source: realpathSync(source), target, mode },
      ...(uncounted === undefined ? {} : { uncounted }),
    };
  });
  for (const [index, mount] of resolved.entries()) {
    // Making a mount point inside a writable mount would follow symbolic links that a jail left there.
    const other = resolved.find((each, at) => at !== index && isBelow(mount.target, each.target));
    if (other) throw invalid(`The mounts ${mount.target} and ${other.target} overlap`);
  }
  return resolved;
}

function checkEnv(env: Readonly<Record<string, string>>): void {
  let bytes = 0;
  for (const [name, value] of Object.entries(env)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      throw invalid(`${JSON.stringify(name)} is not the name of a variable`);
    if (typeof value !== "string" || value.includes("\0"))
      throw invalid(`The variable ${name} must be a text without NUL bytes`);
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value) + 2;
  }
  if (bytes > jailLimits.maxEnvBytes)
    throw invalid(`The environment is larger than ${jailLimits.maxEnvBytes} bytes`);
}

function checkLimits({ limits = {} }: JailSpec): void {
  const { memoryBytes, pids, cpus, tmpBytes, diskBytes, diskEntries } = limits;
  const checkWholeNumber = (value: number | undefined, min: number, name: string) => {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < min)) {
      throw invalid(`limits.${name} must be a whole number of at min ${min}`);
    }
  };
  checkWholeNumber(memoryBytes, jailLimits.minMemoryBytes, "memoryBytes");
  checkWholeNumber(pids, jailLimits.minPids, "pids");
  checkWholeNumber(tmpBytes, 4096, "tmpBytes");
  checkWholeNumber(diskBytes, jailLimits.minDiskBytes, "diskBytes");
  checkWholeNumber(diskEntries, jailLimits.minDiskEntries, "diskEntries");
  for (const name of ["diskReadBytesPerSecond", "diskWriteBytesPerSecond"] as const) {
    checkWholeNumber(limits[name], jailLimits.minDiskBytesPerSecond, name);
  }
  const { minDiskOperationsPerSecond, maxDiskOperationsPerSecond } = jailLimits;
  for (const name of ["diskReadsPerSecond", "diskWritesPerSecond"] as const) {
    checkWholeNumber(limits[name], minDiskOperationsPerSecond, name);
    if (Number(limits[name]) > maxDiskOperationsPerSecond) {
      throw invalid(`limits.${name} must be at most ${maxDiskOperationsPerSecond}`);
    }
  }
  if (cpus !== undefined && !(cpus >= 0.01 && cpus <= jailLimits.maxCpus)) {
    throw invalid(`limits.cpus must be between 0.01 and ${jailLimits.maxCpus}`);
  }
}

/** Checks a spec; gives it with symbolic links in its mount sources resolved. Throws `jail.invalid_spec`. */
export function checkJailSpec(spec: JailSpec): JailSpec {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(spec.id))
    throw invalid("The id must be 1 to 64 of a-z, A-Z, 0-9, _ and -");
  if (spec.network !== "none") throw invalid("network must be none: a jail has no network");
  if (spec.unixSockets !== undefined && typeof spec.unixSockets !== "boolean") {
    throw invalid("unixSockets must be true or false");
  }
  if (spec.command === "" || spec.command.startsWith("-") || spec.command.includes("\0")) {
    throw invalid("The command must be the name or path of a program");
  }
  const argumentBytes = spec.args.reduce((sum, each) => sum + Buffer.byteLength(each) + 1, 0);
  if (argumentBytes > jailLimits.maxArgsBytes)
    throw invalid(`The arguments are larger than ${jailLimits.maxArgsBytes} bytes`);
  if (spec.args.some((each) => each.includes("\0"))) throw invalid("An argument contains a NUL byte");
  checkPath(spec.cwd, "The working directory");
  checkEnv(spec.env);
  checkLimits(spec);
  return { ...spec, mounts: checkMounts(spec.mounts) };
}

/** As {@link checkJailSpec}, and throws `jail.duplicate_id` where a jail with its id is running. */
export function checkNewJail(unchecked: JailSpec, running: { has(id: string): boolean }): JailSpec {
  const spec = checkJailSpec(unchecked);
  if (running.has(spec.id)) {
    throw new HoldfastError("jail", "duplicate_id", `A jail with the id ${spec.id} is running`, {
      statusCode: 409,
    });
  }
  return spec;
}

/** For drivers that start the command through `env`, which takes "a=b" for a variable. Throws `jail.invalid_spec`. */
export function refuseEqualsSign({ command }: JailSpec): void {
  if (command.includes("=")) throw invalid("The command must not contain an equals sign");
}
