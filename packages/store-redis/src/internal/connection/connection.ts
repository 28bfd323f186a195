import { isIP } from "node:net";
import type { Ports } from "@holdfast/core";
import { ConnectionLost, type TurnChannel } from "@holdfast/store-kit";
import { Redis } from "ioredis";
import type { Argument, Command, Reply } from "../command.ts";
import { failureOf, replyCode } from "../errors.ts";
import type { Script } from "../scripts/script.ts";
import type { ServerAddress } from "./url.ts";

export interface ConnectionSettings {
  readonly ports: Ports;
  readonly address: ServerAddress;
  readonly connectTimeoutMs: number;
  readonly silenceTimeoutMs: number;
  /** Called with the identity of the server's run whenever a connection was opened. */
  readonly onServer?: (runId: string) => void;
}

/**
 * One connection, opened again when it is used after a loss. Commands are sent as they come, without waiting for
 * answers, and the server runs them in this order.
 */
export class Connection implements TurnChannel<Command> {
  readonly #settings: ConnectionSettings;
  readonly #preloaded: readonly Script[];
  #client: Promise<Redis> | undefined;
  #mustLoad = false;
  #isClosed = false;

  /** The server knows the scripts `preloaded` before the first command of a connection. */
  constructor(settings: ConnectionSettings, preloaded: readonly Script[] = []) {
    this.#settings = settings;
    this.#preloaded = preloaded;
  }

  /** Runs one command. Throws `ConnectionLost`, or the error that the server answers. */
  async send(command: Command): Promise<Reply> {
    this.#client ??= this.#open();
    const opening = this.#client;
    let client: Redis | undefined;
    try {
      client = await opening;
      if (this.#mustLoad) this.#load(client);
      const [name, ...args] = command;
      return (await client.callBuffer(name, args.map(sendable))) as unknown as Reply;
    } catch (error) {
      if (replyCode(error) === "NOSCRIPT") this.#mustLoad = true;
      // A server that has become useless, such as a replica: the next connection may lead to another.
      if (failureOf(error) === "lost" || replyCode(error) === undefined) this.#drop(opening);
      if (replyCode(error) !== undefined) throw error;
      throw error instanceof ConnectionLost ? error : new ConnectionLost(client !== undefined, error);
    }
  }

  /** Runs a script on the keys that its arguments and the prefix give. */
  async run(script: Script, args: readonly Argument[]): Promise<Reply> {
    try {
      return await this.send(script.command(args));
    } catch (error) {
      if (replyCode(error) !== "NOSCRIPT") throw error;
      return this.send(script.whole(args));
    }
  }

  #drop(opening: Promise<Redis>): void {
    if (this.#client !== opening) return;
    this.#client = undefined;
    opening.then(
      (client) => client.disconnect(),
      () => {},
    );
  }

  /** After SCRIPT FLUSH: what follows on this connection finds the scripts again. */
  #load(client: Redis): void {
    this.#mustLoad = false;
    for (const { source } of this.#preloaded) client.call("SCRIPT", "LOAD", source).catch(() => {});
  }

  async #open(): Promise<Redis> {
    const { address, connectTimeoutMs, silenceTimeoutMs, ports } = this.#settings;
    if (this.#isClosed) throw new ConnectionLost(false, new Error("The connection was closed"));
    let failure: unknown;
    const client = new Redis({
      ...{ host: address.host, port: address.port, lazyConnect: true, protocol: 2 },
      // A certificate for an address needs no name.
      ...(address.usesTls ? { tls: isIP(address.host) === 0 ? { servername: address.host } : {} } : {}),
      ...{ connectTimeout: connectTimeoutMs, socketTimeout: silenceTimeoutMs, keepAlive: 30_000 },
      // A command that was sent is settled by its fence, and never sent again unseen.
      ...{ retryStrategy: () => null, autoResendUnfulfilledCommands: false, maxRetriesPerRequest: null },
      ...{ enableReadyCheck: false, disableClientInfo: true },
    });
    client.on("error", (error) => {
      failure = error;
    });
    const timer = ports.tasks.after(connectTimeoutMs, () => {
      failure ??= new Error(`No answer for ${connectTimeoutMs} ms`);
      client.disconnect();
    });
    try {
      await client.connect();
      await this.#prepare(client);
      return client;
    } catch (error) {
      client.disconnect();
      if (replyCode(error) !== undefined) throw error;
      throw new ConnectionLost(false, failure ?? error);
    } finally {
      timer.cancel();
    }
  }

  async #prepare(client: Redis): Promise<void> {
    const { user, password, database } = this.#settings.address;
    if (password !== undefined) await client.call("AUTH", user === undefined ? [password] : [user, password]);
    if (database !== 0) await client.call("SELECT", database);
    const run = /^run_id:(\w+)/m.exec(String(await client.call("INFO", "server")))?.[1];
    if (run !== undefined) this.#settings.onServer?.(run);
    for (const { source } of this.#preloaded) await client.call("SCRIPT", "LOAD", source);
    this.#mustLoad = false;
  }

  /** Ends the connection; commands without an answer fail. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const opening = this.#client;
    this.#client = undefined;
    const client = await opening?.catch(() => undefined);
    client?.disconnect();
  }
}

/** The driver knows bytes only as a `Buffer`. */
function sendable(argument: Argument): string | number | Buffer {
  if (!(argument instanceof Uint8Array) || Buffer.isBuffer(argument)) return argument;
  return Buffer.from(argument.buffer, argument.byteOffset, argument.byteLength);
}
