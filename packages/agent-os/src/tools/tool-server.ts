import { once } from "node:events";
import { chmod } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { agentOsLimits } from "../limits.ts";
import { failureText, runToolCommand, type ToolRecords } from "./command.ts";
import { ToolFailure } from "./failure.ts";
import { SocketReader } from "./socket-reader.ts";
import type { HostTools } from "./tool-kit.ts";

const { maxToolCalls, toolInputMs } = agentOsLimits;

/** Calls of the tools of one machine, over a Unix socket that only this machine has. */
export class ToolServer {
  readonly #tools: HostTools;
  readonly #records: ToolRecords;
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #stop = new AbortController();
  /** Calls whose answers are not sent yet. */
  readonly #calls = new Set<Promise<void>>();
  #closing: Promise<void> | undefined;

  private constructor(tools: HostTools, records: ToolRecords) {
    this.#tools = tools;
    this.#records = records;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  /** Listens in a folder that only this user can enter. */
  static async listen(tools: HostTools, path: string, records: ToolRecords): Promise<ToolServer> {
    const server = new ToolServer(tools, records);
    server.#server.listen(path);
    await once(server.#server, "listening");
    await chmod(path, 0o600);
    return server;
  }

  /**
   * Takes no more calls, fails those in progress with MACHINE_STOPPED, and waits up to `patienceMs` until their commands
   * have said so and ended. Idempotent.
   */
  close(patienceMs: number): Promise<void> {
    this.#closing ??= this.#close(patienceMs);
    return this.#closing;
  }

  async #close(patienceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    const why = "The machine stops. What the call has done so far stays done.";
    this.#stop.abort(new ToolFailure("MACHINE_STOPPED", why));
    await Promise.all(this.#calls);
    const timer = setTimeout(() => this.#destroyAll(), patienceMs);
    await closed;
    clearTimeout(timer);
  }

  #destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  #accept(socket: Socket): void {
    this.#open.add(socket);
    // A broken connection ends its call; there is nobody left to tell.
    socket.on("error", () => {});
    socket.once("close", () => this.#open.delete(socket));
    const call = this.#serve(socket).finally(() => this.#calls.delete(call));
    this.#calls.add(call);
  }

  async #serve(socket: Socket): Promise<void> {
    const gone = new AbortController();
    const signal = AbortSignal.any([this.#stop.signal, gone.signal]);
    // A command keeps its side open until it has the answer, so an end says that it is gone.
    const reader = new SocketReader(socket, signal, () =>
      gone.abort(new ToolFailure("MACHINE_STOPPED", "The command has ended")),
    );
    const answer = await this.#answer(socket, reader, signal);
    reader.discard();
    socket.end(answer);
    socket.setTimeout(toolInputMs, () => socket.destroy());
  }

  /** The exit code of the command, and what it prints. */
  async #answer(socket: Socket, reader: SocketReader, signal: AbortSignal): Promise<string> {
    try {
      if (this.#open.size > maxToolCalls)
        throw new ToolFailure("TOO_MANY_CALLS", `A machine makes at most ${maxToolCalls} calls at a time`);
      const { command, args } = await readRequest(reader);
      const read = (path: string | undefined) => ask(socket, reader, path);
      const { exitCode, text } = await runToolCommand(
        this.#tools,
        { command, args, read, signal },
        this.#records,
      );
      return `${exitCode}${text}`;
    } catch (error) {
      return `1${failureText(error, this.#records.log)}`;
    }
  }
}

async function readRequest(reader: SocketReader): Promise<{ command: string; args: readonly string[] }> {
  const what = "The request";
  const header = /^(\d{1,9}) (\d{1,7}) (\S+)$/.exec(await reader.line(what));
  if (header === null) throw new ToolFailure("VALIDATION_ERROR", `${what} is malformed`);
  const [, size, count, command = ""] = header;
  const text = (await reader.bytes(Number(size), "The command line")).toString("utf8");
  return { command, args: count === "0" ? [] : text.split("\0") };
}

/** Has the command send a file of its machine, or its standard input. */
async function ask(socket: Socket, reader: SocketReader, path: string | undefined): Promise<string> {
  const what = path ?? "The standard input";
  socket.write(`?${path ?? ""}\0`);
  const said = await reader.line(what);
  if (said.startsWith("-"))
    throw new ToolFailure("VALIDATION_ERROR", `${what} cannot be read: ${said.slice(1)}`);
  if (!/^\d{1,9}$/.test(said)) throw new ToolFailure("VALIDATION_ERROR", `${what} is malformed`);
  return (await reader.bytes(Number(said), what)).toString("utf8");
}
