import { readSync, write } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { HoldfastError } from "@holdfast/core";
import type { IPty } from "@lydell/node-pty";

export interface TerminalSize {
  readonly cols: number;
  readonly rows: number;
}

export interface TerminalExit {
  readonly exitCode: number | null;
  readonly signal: number | null;
}

export interface TerminalCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

type Library = typeof import("@lydell/node-pty");

/** Delay before a retry to write to a terminal whose buffer is full. */
const fullTerminalDelayMs = 20;
/** Maximum number of bytes read from a closing terminal, because a background program may write forever. */
const maxRestBytes = 1_048_576;
const restPieceBytes = 16_384;

/** Loads the terminal library. It has native code, which may be missing on a platform. */
export async function loadTerminals(): Promise<Library> {
  try {
    return await import("@lydell/node-pty");
  } catch (cause) {
    throw new HoldfastError(
      "sandbox",
      "terminal_unavailable",
      "terminals need the package @lydell/node-pty with its binary for this platform",
      { statusCode: 501, cause },
    );
  }
}

/** The npm package with the library's native code for this platform. */
export interface TerminalBinding {
  readonly name: string;
  readonly directory: string;
}

/**
 * Finds the package with the native code; undefined if there is none for this platform. A bundle cannot contain it: to
 * run a bundled server elsewhere, copy it to a `node_modules` folder that Node searches.
 */
export function terminalBinding(): TerminalBinding | undefined {
  const name = `@lydell/node-pty-${process.platform}-${process.arch}`;
  try {
    const library = createRequire(import.meta.url).resolve("@lydell/node-pty");
    return { name, directory: dirname(createRequire(library).resolve(`${name}/package.json`)) };
  } catch {
    return undefined;
  }
}

/** A program on a pseudoterminal, in a session of its own. */
export class Terminal {
  readonly pid: number;
  /** Resolves when the program has exited and its output was delivered. */
  readonly exited: Promise<TerminalExit>;
  readonly #pty: IPty;
  readonly #descriptor: number;
  #closed = false;
  #writing: Promise<void> = Promise.resolve();

  /**
   * Starts `command`. The caller must have checked that the program exists: one that cannot be executed exits with 1.
   */
  constructor(
    library: Library,
    command: TerminalCommand,
    size: TerminalSize,
    onOutput: (bytes: Buffer) => void,
  ) {
    this.#pty = library.spawn(command.program, [...command.args], {
      cols: size.cols,
      rows: size.rows,
      cwd: command.cwd,
      env: { ...command.env },
      name: command.env.TERM ?? "xterm-256color",
      // Read bytes instead of text: a chunk may end within a character.
      encoding: null,
    });
    this.pid = this.#pty.pid;
    this.#descriptor = getDescriptor(this.#pty);
    this.#pty.onData((data: unknown) => onOutput(Buffer.isBuffer(data) ? data : Buffer.from(String(data))));
    beforeDestroy(this.#pty, () => readRest(this.#descriptor, onOutput));
    this.exited = new Promise((resolve) =>
      this.#pty.onExit(({ exitCode, signal }) => {
        this.#closed = true;
        const killed = signal !== undefined && signal !== 0;
        resolve({ exitCode: killed ? null : exitCode, signal: killed ? signal : null });
      }),
    );
  }

  /**
   * Writes input. Resolves when the terminal has accepted all of it, or is closed. The library's own write blocks the
   * event loop while the program does not read. This one writes to the non-blocking descriptor and polls while the
   * buffer is full, because terminals emit no event for that.
   */
  write(bytes: Buffer): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      let rest = bytes;
      while (rest.length > 0 && !this.#closed) {
        const written = await this.#writeSome(rest);
        rest = rest.subarray(written);
        if (written === 0) await delay(fullTerminalDelayMs);
      }
    });
    return this.#writing;
  }

  resize(size: TerminalSize): void {
    if (this.#closed || size.cols === 0 || size.rows === 0) return;
    this.#pty.resize(size.cols, size.rows);
  }

  #writeSome(bytes: Buffer): Promise<number> {
    return new Promise((resolve) => {
      write(this.#descriptor, bytes, 0, bytes.length, null, (error, written) => {
        if (error !== null && error.code !== "EAGAIN") this.#closed = true;
        resolve(error === null ? written : 0);
      });
    });
  }
}

/**
 * Calls `last` right before the library closes the terminal. The library closes it 200 ms after the exit, even with
 * unread output, so on a busy server the last output would be lost.
 */
function beforeDestroy(pty: IPty, last: () => void): void {
  const socket = "_socket" in pty ? pty._socket : undefined;
  if (!(socket instanceof Readable)) throw new Error("the terminal library has no stream");
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    // After the destroy, the descriptor may be reused for another file.
    if (!socket.destroyed) last();
    return destroy(error);
  };
}

/** Reads what the kernel still buffers of a terminal, without waiting for more. */
function readRest(descriptor: number, onOutput: (bytes: Buffer) => void): void {
  for (let left = maxRestBytes; left > 0; ) {
    const bytes = Buffer.allocUnsafe(Math.min(restPieceBytes, left));
    let size: number;
    try {
      size = readSync(descriptor, bytes);
    } catch {
      // EAGAIN: nothing is buffered. EIO: the other end is closed.
      return;
    }
    if (size === 0) return;
    left -= size;
    onOutput(bytes.subarray(0, size));
  }
}

/** The library has the descriptor but does not declare it in its types. */
function getDescriptor(pty: IPty): number {
  if ("fd" in pty && typeof pty.fd === "number") return pty.fd;
  throw new Error("the terminal library has no descriptor");
}
