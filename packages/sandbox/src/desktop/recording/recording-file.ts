import { readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "../../http/problem.ts";

/** What is kept of a recording beside its video. */
export interface StoredRecording {
  readonly id: string;
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly failed?: true;
}

export function videoName(id: string): string {
  return `${id}.mp4`;
}

/** Size of a video; 0 before its first bytes. */
export async function videoBytes(directory: string, id: string): Promise<number> {
  return await stat(join(directory, videoName(id))).then(
    ({ size }) => size,
    () => 0,
  );
}

export async function saveRecording(directory: string, recording: StoredRecording): Promise<void> {
  const path = join(directory, `${recording.id}.json`);
  await writeFile(`${path}.new`, `${JSON.stringify({ version: 1, ...recording })}\n`);
  await rename(`${path}.new`, path);
}

export async function removeRecording(directory: string, id: string): Promise<void> {
  await rm(join(directory, videoName(id)), { force: true });
  await rm(join(directory, `${id}.json`), { force: true });
}

/** The recordings of a directory, those of earlier servers included. One that was cut off ended with its video. */
export async function loadRecordings(directory: string): Promise<StoredRecording[]> {
  const names = await readdir(directory).catch((): string[] => []);
  const found: StoredRecording[] = [];
  for (const name of names) {
    const id = /^(rec_\d+)\.json$/.exec(name)?.[1];
    if (id === undefined) continue;
    const recording = await readStored(directory, id);
    if (recording !== undefined) found.push(recording);
  }
  return found.sort((a, b) => numberOf(a.id) - numberOf(b.id));
}

export function numberOf(id: string): number {
  return Number(id.slice("rec_".length));
}

async function readStored(directory: string, id: string): Promise<StoredRecording | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(join(directory, `${id}.json`), "utf8"));
    if (!isRecord(value) || value.version !== 1 || typeof value.startedAt !== "string") return undefined;
    const { startedAt, endedAt, failed } = value;
    const video = await stat(join(directory, videoName(id))).catch(() => undefined);
    const cutOffAt = (video?.mtime ?? new Date(startedAt)).toISOString();
    return {
      id,
      startedAt,
      endedAt: typeof endedAt === "string" ? endedAt : cutOffAt,
      ...(failed === true || video === undefined || video.size === 0 ? { failed: true } : {}),
    };
  } catch {
    return undefined;
  }
}
