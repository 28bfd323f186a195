import { spawn } from "node:child_process";
import { findProgram } from "../host/programs.ts";
import { unavailable } from "../jail-errors.ts";
import { bwrapVersion, installHint } from "./bwrap-program.ts";

/** The bubblewrap of this machine. */
export interface BubblewrapInstallation {
  readonly path: string;
  readonly version: string;
  /** True when this call installed Debian's package. */
  readonly installed: boolean;
}

/** Whether bubblewrap may be installed, and how. */
export interface EnsureBubblewrapOptions {
  /** Install Debian's package with apt-get when it is missing and this process is root. */
  readonly mayInstall: boolean;
  /** Receives a line about each step. */
  readonly say?: (line: string) => void;
  readonly signal?: AbortSignal;
  /** Folders to search for programs; the PATH of this process by default. */
  readonly path?: string;
}

/** Finds bubblewrap or installs it. Throws `jail.unavailable` with the exact command to run. */
export async function ensureBubblewrap(options: EnsureBubblewrapOptions): Promise<BubblewrapInstallation> {
  const found = findProgram("bwrap", options.path);
  if (found !== undefined) return { path: found, version: bwrapVersion(found), installed: false };
  const aptGet = findProgram("apt-get", options.path);
  if (!options.mayInstall || aptGet === undefined || process.getuid?.() !== 0) {
    throw unavailable(`Agents run in bubblewrap jails, and bubblewrap is not installed. ${installHint()}`);
  }
  options.say?.("bubblewrap is missing; installing Debian's package bubblewrap with apt-get");
  // A fresh machine has no package lists, so a first failure is followed by an update.
  const install = ["install", "--yes", "--no-install-recommends", "bubblewrap"];
  if ((await run(aptGet, install, options)).code !== 0) {
    await run(aptGet, ["update"], options);
    const second = await run(aptGet, install, options);
    if (second.code !== 0) {
      throw unavailable(`apt-get could not install bubblewrap (${second.lastLine}). ${installHint()}`);
    }
  }
  const path = findProgram("bwrap", options.path);
  if (path === undefined)
    throw unavailable(`apt-get installed bubblewrap, but bwrap is not on PATH. ${installHint()}`);
  const version = bwrapVersion(path);
  options.say?.(`installed bubblewrap ${version}`);
  return { path, version, installed: true };
}

function run(
  program: string,
  args: readonly string[],
  { signal, path }: EnsureBubblewrapOptions,
): Promise<{ code: number | null; lastLine: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { PATH: path ?? process.env["PATH"] ?? "", DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" },
      ...(signal ? { signal } : {}),
    });
    let tail = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      tail = (tail + text).slice(-2_000);
    });
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, lastLine: tail.trim().split("\n").at(-1) ?? "" }));
  });
}
