/** Recordings of the desktop: ffmpeg writes them as fragmented MP4, which plays also when the recording was cut off. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { problem } from "../../http/problem.ts";
import type { Managed } from "../../processes/managed.ts";
import type { Launcher } from "../display/launcher.ts";
import { findProgram, installCommand } from "../display/programs.ts";
import { lastLine, outputOf } from "../display/x-server.ts";
import type { RecordingInfo } from "../types.ts";
import {
  loadRecordings,
  numberOf,
  removeRecording,
  type StoredRecording,
  saveRecording,
  videoBytes,
  videoName,
} from "./recording-file.ts";

/** What is recorded. */
export interface RecordedScreen {
  readonly launcher: Launcher;
  readonly display: string;
  readonly width: number;
  readonly height: number;
}

interface Running {
  readonly stored: StoredRecording;
  readonly process: Managed;
  readonly ended: Promise<void>;
}

/** How long ffmpeg may take until it records, which it does late on a busy machine, and until it has ended. */
const startTimeoutMs = 30_000;
const stopTimeoutMs = 10_000;
const minFps = 1;
const maxFps = 60;

export class Recordings {
  readonly #directory: string;
  readonly #maxBytes: number;
  readonly #recordings: Map<string, StoredRecording>;
  #last: number;
  #running: Running | undefined;
  #starting = false;

  private constructor(directory: string, maxBytes: number, found: readonly StoredRecording[]) {
    this.#directory = directory;
    this.#maxBytes = maxBytes;
    this.#recordings = new Map(found.map((recording) => [recording.id, recording]));
    this.#last = Math.max(0, ...found.map(({ id }) => numberOf(id)));
  }

  /** Opens a directory of recordings. A video grows to `maxBytes` at most; then the recording ends. */
  static async open(directory: string, maxBytes: number): Promise<Recordings> {
    return new Recordings(directory, maxBytes, await loadRecordings(directory));
  }

  get directory(): string {
    return this.#directory;
  }

  /** Starts a recording; resolves when ffmpeg records. Throws `conflict` while another one runs. */
  async start(screen: RecordedScreen, fps: number): Promise<RecordingInfo> {
    if (this.#running !== undefined || this.#starting) {
      throw problem("conflict", 409, "a recording is active: stop it first");
    }
    const program = findProgram("ffmpeg", screen.launcher.env.PATH);
    if (program === undefined) {
      throw problem("desktop_dependencies_missing", 503, `recordings need ffmpeg: ${installCommand}`, {
        missingDependencies: ["ffmpeg"],
        installCommand,
      });
    }
    this.#starting = true;
    try {
      return await this.#start(screen, program, Math.min(maxFps, Math.max(minFps, fps)));
    } finally {
      this.#starting = false;
    }
  }

  /** Ends the active recording. Throws `conflict` if there is none. */
  async stop(): Promise<RecordingInfo> {
    const running = this.#running;
    if (running === undefined) throw problem("conflict", 409, "no recording is active");
    await this.#end(running);
    return await this.get(running.stored.id);
  }

  /** Ends the active recording, if there is one. */
  async close(): Promise<void> {
    if (this.#running !== undefined) await this.#end(this.#running);
  }

  async list(): Promise<RecordingInfo[]> {
    return await Promise.all([...this.#recordings.values()].map((each) => this.#describe(each)));
  }

  /** Throws `not_found`. */
  async get(id: string): Promise<RecordingInfo> {
    return await this.#describe(this.#find(id));
  }

  /** The path of a video. Throws `not_found`. */
  path(id: string): string {
    return join(this.#directory, videoName(this.#find(id).id));
  }

  /** Deletes a recording and its video. Throws `conflict` while it is active. */
  async remove(id: string): Promise<void> {
    const { id: found } = this.#find(id);
    if (this.#running?.stored.id === found) {
      throw problem("conflict", 409, "the recording is active: stop it first");
    }
    await removeRecording(this.#directory, found);
    this.#recordings.delete(found);
  }

  async #start(screen: RecordedScreen, program: string, fps: number): Promise<RecordingInfo> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    this.#last += 1;
    const stored = { id: `rec_${this.#last}`, startedAt: new Date().toISOString() };
    await saveRecording(this.#directory, stored);
    this.#recordings.set(stored.id, stored);
    try {
      const path = join(this.#directory, videoName(stored.id));
      const process = await screen.launcher.start(program, this.#arguments(screen, fps, path));
      await recording(process);
      this.#running = { stored, process, ended: this.#watch(stored, process) };
    } catch (error) {
      this.#recordings.delete(stored.id);
      await removeRecording(this.#directory, stored.id);
      throw error;
    }
    return await this.get(stored.id);
  }

  #arguments({ display, width, height }: RecordedScreen, fps: number, path: string): readonly string[] {
    return [
      ...["-nostats", "-loglevel", "info", "-y"],
      ...["-f", "x11grab", "-framerate", String(fps), "-video_size", `${width}x${height}`, "-i", display],
      // The colors of H.264 cover two by two pixels.
      ...["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2", "-c:v", "libx264", "-preset", "ultrafast"],
      ...["-pix_fmt", "yuv420p", "-g", String(fps * 2), "-fs", String(this.#maxBytes)],
      ...[
        "-movflags",
        "+frag_keyframe+empty_moov+default_base_moof",
        "-flush_packets",
        "1",
        "-f",
        "mp4",
        path,
      ],
    ];
  }

  /** Notes the end of a recording: by {@link stop}, at its largest size, or because ffmpeg failed. */
  async #watch(stored: StoredRecording, process: Managed): Promise<void> {
    while (!process.ended) await process.changed.wait(Number.POSITIVE_INFINITY);
    const bytes = await videoBytes(this.#directory, stored.id);
    const ended: StoredRecording = {
      ...stored,
      endedAt: new Date().toISOString(),
      ...(bytes === 0 ? { failed: true } : {}),
    };
    this.#recordings.set(stored.id, ended);
    if (this.#running?.stored.id === stored.id) this.#running = undefined;
    // Without it, the next server takes the last change of the video for its end.
    await saveRecording(this.#directory, ended).catch(() => {});
  }

  /** Asks ffmpeg to end, so that the last second is complete; kills it if it does not. */
  async #end({ process, ended }: Running): Promise<void> {
    // Not by a signal: a second one, to the group and to the process, would make it drop what it has not written.
    if (!process.ended) process.write(Buffer.from("q"));
    const timer = setTimeout(() => process.kill(), stopTimeoutMs);
    await ended;
    clearTimeout(timer);
  }

  #find(id: string): StoredRecording {
    const found = this.#recordings.get(id);
    if (found !== undefined) return found;
    const details = { id, resource: "desktop_recording" };
    throw problem("not_found", 404, `recording not found: ${id}`, { details });
  }

  async #describe(stored: StoredRecording): Promise<RecordingInfo> {
    const running = this.#running?.stored.id === stored.id ? this.#running : undefined;
    const { id, startedAt, endedAt, failed } = stored;
    return {
      id,
      status: running ? "recording" : failed ? "failed" : "completed",
      ...(running ? { processId: running.process.id } : {}),
      fileName: videoName(id),
      bytes: await videoBytes(this.#directory, id),
      startedAt,
      ...(endedAt === undefined ? {} : { endedAt }),
    };
  }
}

/** Resolves when ffmpeg has opened its output, which it does with the first picture. */
async function recording(process: Managed): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    const output = outputOf(process);
    if (output.includes("Output #0")) return;
    const remainingMs = deadline - performance.now();
    if (!process.ended && remainingMs > 0) {
      await process.changed.wait(remainingMs);
      continue;
    }
    process.kill();
    throw problem("desktop_recording_failed", 502, `ffmpeg does not record: ${lastLine(output)}`);
  }
}
