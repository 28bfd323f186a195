import { readFileSync, readlinkSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { version } from "@holdfast/core";
import type { Guarantee } from "../jail.ts";

/** What the result of a self-test depends on, beside the machine and the process. */
export interface ProvenDriver {
  readonly name: string;
  /** Path of its program. */
  readonly program: string;
  /** What it detected: control groups, Landlock. */
  readonly support: unknown;
}

/** `jails.proofFile` as `HOLDFAST_JAIL_PROOF_FILE` sets it, for programs whose gate follows that variable. */
export function proofFileOfEnvironment(): { readonly proofFile?: string } {
  const proofFile = process.env["HOLDFAST_JAIL_PROOF_FILE"] || undefined;
  return proofFile === undefined ? {} : { proofFile };
}

interface Proof {
  readonly circumstances: unknown;
  readonly guarantees: readonly Guarantee[];
}

/**
 * Proof of a driver's guarantees, kept for later starts on the same boot. It counts only in the circumstances in which
 * it was made: same boot, version, program, user, capabilities, namespaces and findings of the driver. A file that
 * another user owns or may write does not count either.
 */
export class ProofFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The guarantees that an earlier start proved; undefined if there is no proof for this one. */
  read(driver: ProvenDriver): readonly Guarantee[] | undefined {
    try {
      const { uid, mode } = statSync(this.#path);
      if (uid !== process.getuid?.() || (mode & 0o022) !== 0) return undefined;
      const proof = JSON.parse(readFileSync(this.#path, "utf8")) as Proof;
      return isDeepStrictEqual(proof.circumstances, circumstancesOf(driver)) ? proof.guarantees : undefined;
    } catch {
      // Absent or damaged: the self-test runs.
      return undefined;
    }
  }

  /** Keeps a proof in which every guarantee held. Throws when the file cannot be written. */
  write(driver: ProvenDriver, guarantees: readonly Guarantee[]): void {
    if (guarantees.some(({ held }) => !held)) return;
    const proof: Proof = { circumstances: circumstancesOf(driver), guarantees };
    // In place at once: gates of other processes read it.
    const temporary = `${this.#path}.${process.pid}`;
    rmSync(temporary, { force: true });
    writeFileSync(temporary, JSON.stringify(proof), { mode: 0o600, flag: "wx" });
    renameSync(temporary, this.#path);
  }
}

/** As JSON keeps it, to compare what was read with what is. */
function circumstancesOf({ name, program, support }: ProvenDriver): unknown {
  const { ino, size, mtimeMs } = statSync(program);
  return JSON.parse(
    JSON.stringify({
      version,
      kernel: release(),
      boot: read("/proc/sys/kernel/random/boot_id"),
      driver: name,
      program: { path: program, ino, size, mtimeMs },
      process: read("/proc/self/status").match(/^(Uid|Gid|Cap\w+|NoNewPrivs|Seccomp):.*$/gm),
      label: read("/proc/self/attr/current"),
      namespaces: ["user", "mnt", "pid", "cgroup"].map((kind) => readlinkSync(`/proc/self/ns/${kind}`)),
      support,
    }),
  );
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // Kernels without a security module have no label.
    return "";
  }
}
