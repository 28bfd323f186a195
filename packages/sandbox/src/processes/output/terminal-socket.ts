import { isHoldfastError } from "@holdfast/core";
import type { WebSocket } from "ws";
import { invalid, isRecord } from "../../http/problem.ts";
import type { SocketExchange } from "../../http/sockets.ts";
import type { Managed } from "../managed.ts";
import { countQuery, parseInput, parseSize } from "../requests.ts";

/** Scrollback for a new viewer that passes no offset. */
const scrollbackBytes = 262_144;
const maxFrameBytes = 65_536;
/** Limit of bytes in flight to one viewer. The rest stays in the ring buffer of the process. */
const maxBufferedBytes = 1_048_576;
const waitMs = 60_000;

export interface TerminalOptions {
  readonly maxInputBytes: number;
}

/**
 * Serves the terminal protocol: control frames are JSON text, output is binary. `offset=N` starts at that byte of the
 * output, or at the oldest retained one (reported in `ready.offset`); `offset=end` skips earlier output. A viewer
 * never blocks the process: one that falls behind by the complete ring misses output.
 */
export async function serveTerminal(
  exchange: SocketExchange,
  process: Managed,
  options: TerminalOptions,
): Promise<void> {
  const offset = startOffset(exchange.query, process);
  const socket = await exchange.accept();
  const closed = new AbortController();
  socket.once("close", () => closed.abort());
  socket.on("message", (data, isBinary) => {
    const failure = handleFrame(socket, process, isBinary ? undefined : String(data), options);
    if (failure !== undefined) sendFrame(socket, { type: "error", message: failure });
  });
  sendFrame(socket, { type: "ready", processId: process.id, offset });
  await streamOutput(socket, process, offset, closed.signal);
  if (closed.signal.aborted) return;
  sendFrame(socket, { type: "exit", exitCode: process.info().exitCode ?? null });
  socket.close();
}

function startOffset(query: URLSearchParams, { output }: Managed): number {
  const requested = query.get("offset");
  if (requested === "end") return output.nextOffset;
  const offset = countQuery(query, "offset") ?? output.nextOffset - scrollbackBytes;
  if (offset > output.nextOffset) throw invalid(`the output has only ${output.nextOffset} bytes`);
  return Math.max(offset, output.firstOffset);
}

async function streamOutput(
  socket: WebSocket,
  process: Managed,
  from: number,
  signal: AbortSignal,
): Promise<void> {
  const { output, changed } = process;
  let offset = from;
  while (!signal.aborted) {
    if (offset < output.firstOffset) {
      const message = `output from ${offset} to ${output.firstOffset} is no longer retained`;
      sendFrame(socket, { type: "error", message });
      offset = output.firstOffset;
    }
    const bytes = output.read(offset, maxFrameBytes);
    if (bytes.length > 0) {
      offset += bytes.length;
      await sendBytes(socket, bytes);
    } else if (process.ended) {
      return;
    } else {
      await changed.wait(waitMs, signal);
    }
  }
}

/** Resolves when the buffer has drained enough, or the socket has closed. */
function sendBytes(socket: WebSocket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    socket.send(bytes, { binary: true }, () => resolve());
    if (socket.bufferedAmount < maxBufferedBytes) resolve();
  });
}

/** Handles a frame of the client. Returns an error message for an invalid one. */
function handleFrame(
  socket: WebSocket,
  process: Managed,
  text: string | undefined,
  { maxInputBytes }: TerminalOptions,
): string | undefined {
  if (text === undefined) return "binary input is not supported; use text JSON frames";
  try {
    const frame: unknown = JSON.parse(text);
    if (!isRecord(frame)) return "a frame must be a JSON object";
    switch (frame.type) {
      case "input": {
        const bytes = parseInput(frame, "utf8");
        if (bytes.length > maxInputBytes) return `input exceeds ${maxInputBytes} bytes`;
        process.write(bytes);
        return undefined;
      }
      case "resize":
        process.resize(parseSize(frame));
        return undefined;
      case "close":
        socket.close();
        return undefined;
      default:
        return "frame type must be input, resize or close";
    }
  } catch (error) {
    if (isHoldfastError(error)) return error.message;
    return `invalid frame: ${error instanceof Error ? error.message : "not JSON"}`;
  }
}

function sendFrame(socket: WebSocket, frame: object): void {
  // Errors of a closing socket are ignored: its close event follows.
  socket.send(JSON.stringify(frame), () => {});
}
