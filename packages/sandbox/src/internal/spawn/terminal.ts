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

/** How long to wait before writing again to a terminal that is full. */
const fullTerminalDelayMs = 20;
/** What is read of a terminal that is closed; a program in the background might go on writing for ever. */
const maxRestBytes = 1_048_576;
const restPieceBytes = 16_384;

/** The library that opens terminals; it has native code, so that it may be missing on some platform. */
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

/** The package with the native part of the terminal library for this platform. */
export interface TerminalBinding {
  readonly name: string;
  readonly directory: string;
}

/**
 * Where the native part is that terminals need: no bundle can hold it, so that who starts a bundled
 * server elsewhere has to put it there, in a folder `node_modules` that Node looks into. Undefined
 * where there is none for this platform.
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

/** A program on a pseudo-terminal of its own: its session, its controlling terminal. */
export class Terminal {
  readonly pid: number;
  /** Resolves when the program has exited and its output was delivered. */
  readonly exited: Promise<TerminalExit>;
  readonly #pty: IPty;
  readonly #descriptor: number;
  #closed = false;
  #writing: Promise<void> = Promise.resolve();

  /** Starts `command`, which has to be there: a program that cannot be started exits with 1. */
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
      // Bytes as they are: a character may be cut by the end of a piece.
      encoding: null,
    });
    this.pid = this.#pty.pid;
    this.#descriptor = descriptorOf(this.#pty);
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
   * Types `bytes`; resolves when the terminal took them all, or is closed. The library's own write
   * waits in the event loop for a program that does not read, so we write to the descriptor, which
   * does not block, and try again while it is full: a terminal has no event for that.
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
 * Calls `last` right before the library closes the terminal. It does that 200 ms after the exit of the program,
 * even if something else holds the terminal open, and whatever is unread by then: on a busy server, the end of
 * what the program has said.
 */
function beforeDestroy(pty: IPty, last: () => void): void {
  const socket = "_socket" in pty ? pty._socket : undefined;
  if (!(socket instanceof Readable)) throw new Error("the terminal library has no stream");
  const destroy = socket.destroy.bind(socket);
  socket.destroy = (error) => {
    // Once it is destroyed, its descriptor may be that of something else.
    if (!socket.destroyed) last();
    return destroy(error);
  };
}

/** Reads what the system still holds of a terminal, which is little; it does not wait for more. */
function readRest(descriptor: number, onOutput: (bytes: Buffer) => void): void {
  for (let left = maxRestBytes; left > 0; ) {
    const bytes = Buffer.allocUnsafe(Math.min(restPieceBytes, left));
    let size: number;
    try {
      size = readSync(descriptor, bytes);
    } catch {
      // Nothing is there now (EAGAIN), or nobody has the other end any more (EIO).
      return;
    }
    if (size === 0) return;
    left -= size;
    onOutput(bytes.subarray(0, size));
  }
}

/** The library has the descriptor of the terminal, and does not declare it. */
function descriptorOf(pty: IPty): number {
  if ("fd" in pty && typeof pty.fd === "number") return pty.fd;
  throw new Error("the terminal library tells no descriptor");
}
