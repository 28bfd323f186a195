import { existsSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { problem } from "../../http/problem.ts";
import type { Managed } from "../../processes/managed.ts";
import { runtimeFailed } from "../errors.ts";
import type { StartOptions } from "../types.ts";
import type { Launcher } from "./launcher.ts";

/** How long Xvfb may take until it accepts connections. */
const startTimeoutMs = 10_000;
const firstDisplay = 99;
const displaysTried = 100;

export interface XServer {
  readonly process: Managed;
  /** As in `:99`. */
  readonly number: number;
}

/**
 * Starts Xvfb on `options.displayNumber`, else on the first free display from 99. It reports on its standard output
 * when it is ready.
 */
export async function startXServer(
  launcher: Launcher,
  options: StartOptions,
  authority: string,
): Promise<XServer> {
  if (options.displayNumber !== undefined) {
    if (await isTaken(options.displayNumber)) throw displayTaken(options.displayNumber);
    const server = await tryDisplay(launcher, options, authority, options.displayNumber);
    if (server === undefined) throw displayTaken(options.displayNumber);
    return server;
  }
  for (let number = firstDisplay; number < firstDisplay + displaysTried; number += 1) {
    if (await isTaken(number)) continue;
    const server = await tryDisplay(launcher, options, authority, number);
    if (server !== undefined) return server;
  }
  throw runtimeFailed(`no display from :${firstDisplay} to :${firstDisplay + displaysTried - 1} is free`);
}

/** Starts Xvfb on one display; undefined if another X server took it in the meantime. */
async function tryDisplay(
  launcher: Launcher,
  { width, height, dpi }: StartOptions,
  authority: string,
  number: number,
): Promise<XServer | undefined> {
  const process = await launcher.start("Xvfb", [
    ...[`:${number}`, "-displayfd", "1", "-auth", authority, "-nolisten", "tcp"],
    ...["-screen", "0", `${width}x${height}x24`, "-dpi", String(dpi), "-noreset"],
  ]);
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const output = outputOf(process);
    if (/^\d+$/m.test(output)) return { process, number };
    const remainingMs = deadline - performance.now();
    if (process.ended) {
      if (/already active|already running|SocketCreateListener/i.test(output)) return undefined;
      throw runtimeFailed(`Xvfb exited while starting: ${lastLine(output)}`);
    }
    if (remainingMs <= 0) {
      process.kill();
      throw runtimeFailed(`Xvfb was not ready after ${startTimeoutMs} ms: ${lastLine(output)}`);
    }
    await process.changed.wait(remainingMs);
  }
}

/** Whether an X server uses the display. One that has ended may leave its lock or its socket, which Xvfb replaces. */
async function isTaken(number: number): Promise<boolean> {
  return lockIsHeld(`/tmp/.X${number}-lock`) || (await isServed(`/tmp/.X11-unix/X${number}`));
}

function lockIsHeld(path: string): boolean {
  if (!existsSync(path)) return false;
  try {
    process.kill(Number.parseInt(readFileSync(path, "utf8"), 10), 0);
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** Whether a server accepts connections at the socket. */
async function isServed(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  const socket = connect(path);
  try {
    return await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
  } finally {
    socket.destroy();
  }
}

function displayTaken(number: number): Error {
  return problem(
    "conflict",
    409,
    `display :${number} is in use by another X server: choose another displayNum`,
  );
}

export function outputOf(process: Managed): string {
  const { output } = process;
  return output.read(output.firstOffset, output.retainedBytes).toString("utf8");
}

export function lastLine(output: string): string {
  return output.trimEnd().split("\n").at(-1) ?? "";
}
