import { problem } from "../../http/problem.ts";
import type { Managed } from "../../processes/managed.ts";
import type { Launcher } from "../display/launcher.ts";
import { findProgram, installCommand } from "../display/programs.ts";
import { lastLine, outputOf } from "../display/x-server.ts";

/** The screen that is streamed. */
export interface StreamedScreen {
  readonly launcher: Launcher;
  /** As in `:99`. */
  readonly display: string;
  readonly width: number;
  readonly height: number;
  readonly frameRate: number;
}

/** How long ffmpeg may take to end before it is killed. */
const endTimeoutMs = 2_000;

/** Path of ffmpeg. Throws `desktop_dependencies_missing`. */
export function requireFfmpeg(path: string | undefined): string {
  const program = findProgram("ffmpeg", path);
  if (program !== undefined) return program;
  throw problem("desktop_dependencies_missing", 503, `the stream needs ffmpeg: ${installCommand}`, {
    missingDependencies: ["ffmpeg"],
    installCommand,
  });
}

/** Starts ffmpeg, which captures the screen and writes it as `output` says. */
export async function startCapture(screen: StreamedScreen, output: readonly string[]): Promise<Managed> {
  const { launcher, display, width, height, frameRate } = screen;
  return await launcher.start(requireFfmpeg(launcher.env.PATH), [
    ...["-hide_banner", "-nostdin", "-loglevel", "error"],
    ...["-f", "x11grab", "-framerate", String(frameRate), "-video_size", `${width}x${height}`],
    ...["-thread_queue_size", "2", "-i", display],
    ...output,
  ]);
}

export async function endCapture(process: Managed): Promise<void> {
  if (process.ended) return;
  process.stop();
  const timer = setTimeout(() => process.kill(), endTimeoutMs);
  await captureEnded(process);
  clearTimeout(timer);
}

/** Resolves when ffmpeg has ended, with what it said last. */
export async function captureEnded(process: Managed): Promise<string> {
  while (!process.ended) await process.changed.wait(Number.POSITIVE_INFINITY);
  return lastLine(outputOf(process));
}
