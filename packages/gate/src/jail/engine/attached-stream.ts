import type { Socket } from "node:net";
import { PassThrough, type Readable, type Writable } from "node:stream";
import type { EngineClient } from "./engine-client.ts";

export interface AttachedStreams {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** The engine closed them: the container's process has ended. */
  readonly ended: Promise<void>;
  /**
   * To be called when nothing more is written: what the engine still has is taken at once, whether anybody reads it or
   * not. The end comes after it.
   */
  letGo(): void;
}

/** Of a frame's header: which stream, three zeros, and how many bytes follow (big-endian). */
const headerBytes = 8;

/**
 * Opens the streams of a container that has not started yet. Its input has a connection of its own: a write to one
 * that the engine has closed ends it with what is still to be read, which would be the last words of a short command.
 * Throws `jail.unavailable` and `jail.engine_failed`.
 */
export async function attachStreams(client: EngineClient, container: string): Promise<AttachedStreams> {
  const outputs = outputsOf(await client.attach(container, "outputs"));
  const stdin = await client.attach(container, "input").catch((error: unknown) => {
    outputs.close();
    throw error;
  });
  // What a command does not read is lost, as for any that has ended. The engine says nothing here but the end.
  stdin.on("error", () => {}).resume();
  return {
    ...{ stdin, stdout: outputs.stdout, stderr: outputs.stderr, letGo: outputs.letGo },
    ended: outputs.ended.finally(() => stdin.destroy()),
  };
}

interface Outputs extends Omit<AttachedStreams, "stdin"> {
  close(): void;
}

/**
 * Takes the two output streams of an attached container apart (Engine API, "attach", stream format). It
 * is read at the pace of the slower reader, so what a jail writes waits in the jail.
 */
function outputsOf(socket: Socket): Outputs {
  const highWaterMark = 256 * 1024;
  const outputs = { 1: new PassThrough({ highWaterMark }), 2: new PassThrough({ highWaterMark }) };
  let pending: Buffer = Buffer.alloc(0);
  let left = 0;
  let output = outputs[1];
  const full = new Set<PassThrough>();
  let held = true;
  const readOn = (each: PassThrough) => {
    full.delete(each);
    if (full.size === 0) socket.resume();
  };
  // One that its reader has destroyed keeps the other waiting no longer.
  for (const each of [outputs[1], outputs[2]]) {
    each.on("drain", () => readOn(each)).once("close", () => readOn(each));
  }
  const write = (chunk: Buffer) => {
    if (output.destroyed || output.write(chunk) || !held) return;
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
  // A connection that the engine drops is the end of the streams; how the jail ended is asked for.
  socket.on("error", () => {});
  const letGo = () => {
    held = false;
    full.clear();
    socket.resume();
  };
  return { stdout: outputs[1], stderr: outputs[2], ended, letGo, close: () => socket.destroy() };
}
