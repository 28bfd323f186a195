import type { Socket } from "node:net";
import { PassThrough, type Readable, type Writable } from "node:stream";
import type { EngineClient } from "./engine-client.ts";

/** The streams of a container that has not started yet. */
export interface AttachedStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves when the engine closes them: the container's process has ended. */
  readonly ended: Promise<void>;
  /**
   * Call when the process has ended: reads what the engine still has without backpressure, whether or not anybody reads
   * it here, so that `ended` can resolve.
   */
  drain(): void;
}

/** The header of a frame: stream number, three zeros, and the length of the payload (big-endian). */
const headerBytes = 8;

/**
 * Opens the streams of a container that has not started yet. Input has a connection of its own: a write to a connection
 * that the engine has closed would discard unread output on it, which may be all output of a short command.
 * Rejects with `jail.unavailable` and `jail.engine_failed`.
 */
export async function attachStreams(client: EngineClient, container: string): Promise<AttachedStreams> {
  const outputs = outputsOf(await client.attach(container, "outputs"));
  const stdin = await client.attach(container, "input").catch((error: unknown) => {
    outputs.close();
    throw error;
  });
  // Input that the command does not read is lost. The engine sends nothing on this connection.
  stdin.on("error", () => {}).resume();
  return {
    ...{ stdin, stdout: outputs.stdout, stderr: outputs.stderr, drain: outputs.drain },
    ended: outputs.ended.finally(() => stdin.destroy()),
  };
}

interface Outputs extends Omit<AttachedStreams, "stdin"> {
  close(): void;
}

/**
 * Demultiplexes the two output streams of a container (Engine API, "attach", stream format). The slower reader applies
 * backpressure to both, up to the jail itself.
 */
function outputsOf(socket: Socket): Outputs {
  const highWaterMark = 256 * 1024;
  const outputs = { 1: new PassThrough({ highWaterMark }), 2: new PassThrough({ highWaterMark }) };
  let pending: Buffer = Buffer.alloc(0);
  let left = 0;
  let output = outputs[1];
  const full = new Set<PassThrough>();
  let backpressure = true;
  const readOn = (each: PassThrough) => {
    full.delete(each);
    if (full.size === 0) socket.resume();
  };
  // A stream that its reader has destroyed must not block the other.
  for (const each of [outputs[1], outputs[2]]) {
    each.on("drain", () => readOn(each)).once("close", () => readOn(each));
  }
  const write = (chunk: Buffer) => {
    if (output.destroyed || output.write(chunk) || !backpressure) return;
    full.add(output);
    socket.pause();
  };
  socket.on("data", (chunk: Buffer) => {
    let bytes = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (bytes.length > 0) {
      if (left === 0) {
        if (bytes.length < headerBytes) break;
        output = bytes[0] === 2 ? outputs[2] : outputs[1];
        left = bytes.readUInt32BE(4);
        bytes = bytes.subarray(headerBytes);
        continue;
      }
      const part = bytes.subarray(0, left);
      write(part);
      left -= part.length;
      bytes = bytes.subarray(part.length);
    }
    pending = bytes;
  });
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      outputs[1].end();
      outputs[2].end();
      resolve();
    };
    socket.once("end", end);
    socket.once("close", end);
  });
  // A dropped connection ends the streams; the exit state is queried separately.
  socket.on("error", () => {});
  const drain = () => {
    backpressure = false;
    full.clear();
    socket.resume();
  };
  return { stdout: outputs[1], stderr: outputs[2], ended, drain, close: () => socket.destroy() };
}
