import { chunksOf, type Http, isRecord, mayPass } from "../internal/http.ts";
import { readEvents } from "../internal/sse.ts";
import { clientLimits } from "../limits.ts";
import { callListener } from "./acp/listeners.ts";
import type { ProcessLogEntry, ProcessLogFollowQuery, ProcessLogsStream } from "./wire.ts";

export type ProcessLogListener = (entry: ProcessLogEntry) => void;

export interface ProcessLogSubscription {
  close(): void;
  /** Resolves when no more entries come: closed, or the process has ended; never rejects. */
  closed: Promise<void>;
}

/**
 * Follows the output of a process. A connection that breaks, or is silent for 60 s, is opened again
 * behind the last entry.
 */
export async function followLogs(
  http: Http,
  processId: string,
  query: ProcessLogFollowQuery,
  listener: ProcessLogListener,
): Promise<ProcessLogSubscription> {
  const abort = new AbortController();
  let last = query.since ?? undefined;
  let { tail } = query;
  const goOnBehind = (sequence: number) => {
    last = sequence;
    // Reading continues from there, so it returns all later output, not only its end.
    tail = null;
  };
  const open = async () =>
    await http.send({
      method: "GET",
      path: `/v1/processes/${encodeURIComponent(processId)}/logs`,
      query: { ...query, tail, since: last, follow: true },
      headers: { accept: "text/event-stream" },
      signal: abort.signal,
      answerWithinMs: clientLimits.streamSilenceMs,
    });
  const read = async (response: Response) => {
    const begins = response.headers.get("last-event-id");
    if (begins !== null && /^\d{1,15}$/.test(begins)) goOnBehind(Number(begins));
    const chunks = chunksOf(response, clientLimits.streamSilenceMs);
    for await (const event of readEvents(chunks, clientLimits.maxMessageBytes, () => {})) {
      if (abort.signal.aborted) return;
      const entry = event.event === "log" ? readEntry(event.data) : undefined;
      if (entry === undefined) continue;
      goOnBehind(entry.sequence);
      callListener(listener, entry);
    }
  };
  // The first answer shows whether the process exists.
  const first = await open();
  return { close: () => abort.abort(), closed: follow(first, open, read, abort.signal) };
}

async function follow(
  first: Response,
  open: () => Promise<Response>,
  read: (response: Response) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  let response: Response | undefined = first;
  let lostAt: number | undefined;
  while (!signal.aborted) {
    try {
      response ??= await open();
      lostAt = undefined;
      await read(response);
      return;
    } catch (error) {
      if (signal.aborted) return;
      // An answer that refuses, or breaks a bound, is not mended by asking again.
      if (!mayPass(error)) return;
      lostAt ??= Date.now();
      if (Date.now() - lostAt > clientLimits.reconnectForMs) return;
      response = undefined;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

const streams: readonly ProcessLogsStream[] = ["stdout", "stderr", "combined", "pty"];

function readEntry(text: string): ProcessLogEntry | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!isRecord(value) || typeof value.sequence !== "number" || typeof value.data !== "string")
    return undefined;
  return {
    data: value.data,
    encoding: typeof value.encoding === "string" ? value.encoding : "base64",
    sequence: value.sequence,
    stream: streams.find((name) => name === value.stream) ?? "combined",
    timestampMs: typeof value.timestampMs === "number" ? value.timestampMs : 0,
  };
}
