import { once } from "node:events";
import { booleanQuery, type Exchange, sendJson } from "../../http/exchange.ts";
import { invalid } from "../../http/problem.ts";
import { parseUint64 } from "../../http/uint64.ts";
import type { Managed } from "../managed.ts";
import { countQuery } from "../requests.ts";
import type { OutputEntry, OutputRing, OutputStream } from "./log-ring.ts";

type LogStream = OutputStream | "combined";

/** Bytes of one write to a follower; the next write waits for the connection to drain. */
const maxBatchBytes = 65_536;

interface LogQuery {
  readonly stream: LogStream;
  /** Only entries with a larger sequence. */
  readonly since: number;
  readonly tail: number | undefined;
}

/**
 * Handles `GET .../logs`: returns the retained output as JSON or, with `follow=true`, streams events until the process
 * ends.
 */
export async function sendLogs(exchange: Exchange, find: () => Managed, heartbeatMs: number): Promise<void> {
  // Parse the query first: an invalid request is 400 even if the process does not exist.
  const { stream, ...asked } = parseQuery(exchange);
  const isFollowing = booleanQuery(exchange, "follow");
  const process = find();
  const query: LogQuery = { ...asked, stream: stream ?? (process.tty ? "pty" : "combined") };
  if (isFollowing) {
    await follow(exchange, process, query, heartbeatMs);
    return;
  }
  const { output } = process;
  sendJson(exchange.response, {
    processId: process.id,
    stream: query.stream,
    entries: selectEntries(output, query).map(wireEntry),
    firstOffset: output.firstOffset,
    nextOffset: output.nextOffset,
  });
}

type LogRequest = Omit<LogQuery, "stream"> & { readonly stream: LogStream | undefined };

function parseQuery({ query, request }: Exchange): LogRequest {
  const stream = query.get("stream") ?? undefined;
  if (stream !== undefined && !isLogStream(stream)) {
    throw invalid("query parameter 'stream' must be stdout, stderr, combined or pty");
  }
  // A client that has received no id may send an empty header.
  const lastEventId = request.headers["last-event-id"] || undefined;
  const resumed = parseUint64(String(lastEventId ?? "0"));
  if (resumed === undefined) throw invalid("Last-Event-ID must be a non-negative integer");
  const tail = countQuery(query, "tail");
  return {
    stream,
    since: Math.max(countQuery(query, "since") ?? 0, resumed),
    // A reconnecting follower repeats its first query but needs everything that it missed.
    tail: lastEventId === undefined ? tail : undefined,
  };
}

function isLogStream(text: string): text is LogStream {
  return text === "stdout" || text === "stderr" || text === "combined" || text === "pty";
}

function wireEntry({ sequence, stream, timestampMs, offset, bytes }: OutputEntry) {
  return { sequence, stream, timestampMs, data: bytes.toString("base64"), encoding: "base64", offset };
}

function matches(stream: LogStream, entry: OutputEntry): boolean {
  return stream === "combined" || entry.stream === stream;
}

function selectEntries(output: OutputRing, { stream, since, tail }: LogQuery): OutputEntry[] {
  const entries: OutputEntry[] = [];
  // Read backwards, so that the cost depends on the tail and not on the output.
  for (let at = output.lastSequence; at > since && at >= output.firstSequence; at -= 1) {
    if (tail !== undefined && entries.length >= tail) break;
    const entry = output.entry(at);
    if (entry && matches(stream, entry)) entries.push(entry);
  }
  return entries.reverse();
}

/**
 * Replays the retained output, then streams new output. The response header Last-Event-ID is the position before the
 * first event, so that a client can resume even if it received none. A follower has no queue: if the output overtakes
 * it, it gets a `gap` event.
 */
async function follow(
  { request, response, signal }: Exchange,
  process: Managed,
  query: LogQuery,
  heartbeatMs: number,
): Promise<void> {
  const { output, changed } = process;
  const [first] = query.tail === undefined ? [] : selectEntries(output, query);
  let last = query.since;
  if (query.tail !== undefined) last = first ? first.sequence - 1 : output.lastSequence;
  // Output dropped before this follower began is not a gap.
  else if (last === 0) last = output.firstSequence - 1;
  response.writeHead(200, {
    "content-type": "text/event-stream",
    "cache-control": "no-cache",
    "last-event-id": last,
  });
  response.flushHeaders();
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  while (!signal.aborted) {
    const { text, upTo } = nextBatch(output, query.stream, last);
    last = upTo;
    if (text !== "") {
      if (!response.write(text)) await once(response, "drain", { signal }).catch(() => {});
      continue;
    }
    if (upTo < output.lastSequence) continue;
    if (process.ended) break;
    if ((await changed.wait(heartbeatMs, signal)) === "timeout") response.write(":\n\n");
  }
  if (signal.aborted) return;
  const { exitCode = null, signal: killedBy = null } = process.info();
  response.end(event("exit", { exitCode, signal: killedBy }));
}

/** Formats the events after `last`, up to a size limit. Returns them with their last sequence. */
function nextBatch(output: OutputRing, stream: LogStream, last: number) {
  let text = "";
  let upTo = last;
  if (output.firstSequence > last + 1 && output.lastSequence > last) {
    text = event("gap", { from: last + 1, to: output.firstSequence - 1 });
    upTo = output.firstSequence - 1;
  }
  while (upTo < output.lastSequence && text.length < maxBatchBytes) {
    upTo += 1;
    const entry = output.entry(upTo);
    if (entry && matches(stream, entry)) text += event("log", wireEntry(entry), upTo);
  }
  return { text, upTo };
}

function event(name: string, data: object, id?: number): string {
  return `event: ${name}\n${id === undefined ? "" : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}
