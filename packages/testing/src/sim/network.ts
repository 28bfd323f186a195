import type {
  ClientDriver,
  ClosedReason,
  DriverConnection,
  DriverListener,
  PreparedFrame,
  ResumePoint,
  ServerFrame,
} from "@holdfast/client";
import { HoldfastError, toWireError } from "@holdfast/core";
import type { LocalConnection } from "@holdfast/server";
import type { ProcessGate } from "./cluster/process-gate.ts";
import { type Faults, noFaults } from "./faults/faults.ts";
import type { PlantedBug } from "./planted-bugs.ts";
import { Lane, type Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded.ts";

export interface SimNetworkOptions {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly plant: PlantedBug | undefined;
}

/** Server that receives requests while it is up. */
export interface SimServer {
  readonly driver: ClientDriver;
  readonly gate: ProcessGate;
  /** Undefined if the server that has the actor cannot be reached. */
  connect(...asked: Parameters<ClientDriver["connect"]>): LocalConnection | undefined;
}

/** A request that has not been answered. */
interface PendingExchange {
  /** Where it has arrived. */
  server: string | undefined;
  sever(): void;
}

/**
 * Simulated network between clients and server. It delays, loses and duplicates messages and cuts connections, whose
 * two ends notice at different times, or never.
 */
export class SimNetwork {
  faults: Faults["network"] = noFaults.network;
  readonly #options: SimNetworkOptions;
  readonly #exchanges = new Set<PendingExchange>();
  readonly #connections = new Set<SimConnection>();
  readonly #servers = new Map<string, SimServer>();
  #isPartitioned = false;
  /** Encodes messages, identically in every process. */
  #codec: ClientDriver | undefined;

  constructor(options: SimNetworkOptions) {
    this.#options = options;
  }

  get inFlight(): number {
    return this.#exchanges.size;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Messages are encoded by this driver, as by any other. */
  encodeWith(codec: ClientDriver): void {
    this.#codec ??= codec;
  }

  /** Routes requests to `server`, too, or to it no more. Requests in flight to this server fail. */
  serve(name: string, server: SimServer | undefined): void {
    if (server === undefined) this.#servers.delete(name);
    else this.#servers.set(name, server);
    const isAlone = this.#servers.size === 0 || (server !== undefined && this.#servers.size === 1);
    this.#failInFlight(isAlone ? undefined : name);
  }

  cut(): void {
    this.#isPartitioned = true;
    this.#failInFlight(undefined);
  }

  heal(): void {
    this.#isPartitioned = false;
  }

  /** Driver of the clients. */
  driver(): ClientDriver {
    const codec = (): ClientDriver => {
      if (this.#codec === undefined) throw new Error("No server was ever started");
      return this.#codec;
    };
    return {
      keepsOrder: false,
      prepareSend: (content) => codec().prepareSend(content),
      prepareArgs: (args) => codec().prepareArgs(args),
      prepare: (frame) => codec().prepare(frame),
      gatewayUrl: (target) => codec().gatewayUrl(target),
      call: (call) => this.#exchange(`call ${call.action}`, (server) => server.call(call)),
      send: (send) => this.#exchange(`send ${send.queue}`, (server) => server.send(send)),
      resolve: (...asked) => this.#exchange("resolve", (server) => server.resolve(...asked)),
      create: (request) => this.#exchange(`create ${request.name}`, (server) => server.create(request)),
      reload: (...asked) => this.#exchange("reload", (server) => server.reload(...asked)),
      manage: (request, signal) => this.#exchange("manage", (server) => server.manage(request, signal)),
      fetch: (request) => this.#exchange("fetch", (server) => server.fetch(request)),
      webSocket: () => {
        throw new Error("The simulated network carries no raw WebSockets");
      },
      connect: (target, params, listener, resume, events) =>
        this.#connect(target, params, listener, resume, events),
      dispose: async () => undefined,
    };
  }

  /** One of the servers that are currently reachable, as a load balancer chooses it. */
  #reachable(): readonly [string, SimServer] | undefined {
    if (this.#isPartitioned || this.#servers.size === 0) return undefined;
    const servers = [...this.#servers];
    return servers.length === 1 ? servers[0] : this.#options.random.pick(servers);
  }

  #delayMs(): number {
    return this.#options.random.skewed(this.faults.delayMs);
  }

  #exchange<T>(label: string, send: (server: ClientDriver) => Promise<T>): Promise<T> {
    const { scheduler, random } = this.#options;
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        if (!this.#exchanges.delete(pending)) return;
        settle();
      };
      const lost = (): void => end(() => reject(networkError()));
      const pending: PendingExchange = {
        server: undefined,
        sever: () => void scheduler.after(this.#delayMs(), `net reset ${label}`, lost),
      };
      this.#exchanges.add(pending);
      const arrive = (): void => {
        const reached = this.#reachable();
        if (reached === undefined) return lost();
        const [name, server] = reached;
        pending.server = name;
        const reply = (settle: () => void): void => {
          scheduler.after(this.#delayMs(), `net reply ${label}`, () => {
            // A reply of a crashed process may still arrive, but its caller has failed already.
            if (random.chance(this.faults.lostReply)) lost();
            else end(settle);
          });
        };
        server.gate.run(() => {
          send(server.driver).then(
            (value) => reply(() => resolve(value)),
            (error: unknown) => reply(() => reject(error)),
          );
        });
      };
      if (random.chance(this.faults.lostRequest)) {
        scheduler.after(this.#delayMs(), `net lost ${label}`, lost);
        return;
      }
      scheduler.after(this.#delayMs(), `net ${label}`, arrive);
      if (random.chance(this.faults.duplicate)) {
        scheduler.after(2 * this.#delayMs(), `net again ${label}`, arrive);
      }
    });
  }

  #connect(
    target: Parameters<ClientDriver["connect"]>[0],
    params: unknown,
    listener: DriverListener,
    resume: ResumePoint | undefined,
    events: readonly string[] | undefined,
  ): DriverConnection {
    const connection: SimConnection = new SimConnection({
      ...this.#options,
      listener,
      delayMs: () => this.#delayMs(),
      isCut: () => this.#options.random.chance(this.faults.cut),
      ended: () => this.#connections.delete(connection),
      open: (own) => this.#reachable()?.[1].connect(target, params, own, resume, events),
    });
    this.#connections.add(connection);
    connection.start();
    return connection;
  }

  /** Fails what is in flight to one server, or to all. Connections are cut with any of them. */
  #failInFlight(server: string | undefined): void {
    for (const pending of [...this.#exchanges]) {
      if (server === undefined || pending.server === server) pending.sever();
    }
    for (const connection of [...this.#connections]) connection.cut();
  }
}

interface SimConnectionOptions extends SimNetworkOptions {
  readonly listener: DriverListener;
  delayMs(): number;
  isCut(): boolean;
  ended(): void;
  open(listener: DriverListener): LocalConnection | undefined;
}

/** One connection. Frames arrive in order in each direction, until it is cut. */
class SimConnection implements DriverConnection {
  readonly #options: SimConnectionOptions;
  readonly #up: Lane;
  readonly #down: Lane;
  #server: LocalConnection | undefined;
  /** True when nothing gets through any more, even if the ends have not noticed. */
  #isCut = false;
  /** True when the client has noticed the end, or closed it. */
  #isClosed = false;

  constructor(options: SimConnectionOptions) {
    this.#options = options;
    this.#up = new Lane(options.scheduler);
    this.#down = new Lane(options.scheduler);
  }

  start(): void {
    const { delayMs } = this.#options;
    this.#up.push(delayMs(), "net connect", () => {
      if (this.#isCut) return;
      const listener: DriverListener = {
        frame: (frame) => this.#toClient(frame),
        closed: (reason) => this.#fromServer(() => this.#close(reason), "closed"),
      };
      this.#server = this.#options.open(listener);
      if (this.#server === undefined) this.cut();
    });
  }

  send(frame: PreparedFrame): void {
    if (this.#isClosed || this.#isCut) return;
    if (this.#options.isCut()) return this.cut();
    this.#up.push(this.#options.delayMs(), "net up", () => {
      if (!this.#isCut) this.#server?.send(frame);
    });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.ended();
    this.#up.push(this.#options.delayMs(), "net bye", () => {
      if (this.#isCut) return;
      this.#isCut = true;
      void this.#server?.close();
    });
  }

  lose(): void {
    this.cut();
  }

  /** The two ends notice independently. */
  cut(): void {
    if (this.#isCut) return;
    this.#isCut = true;
    const { scheduler, random, delayMs } = this.#options;
    const noticedMs = (): number => (random.chance(0.8) ? delayMs() : random.int(1_000, 30_000));
    const reason = { error: toWireError(networkError()), final: false };
    scheduler.after(noticedMs(), "net cut, client", () => this.#close(reason));
    scheduler.after(noticedMs(), "net cut, server", () => this.#server?.lose());
  }

  #toClient(frame: ServerFrame): void {
    const { plant, random } = this.#options;
    if (this.#options.isCut()) return this.cut();
    if (plant === "drop-event" && frame.type === "event" && random.chance(0.1)) return;
    const deliver = (): void => {
      if (!this.#isClosed) this.#options.listener.frame(frame);
    };
    this.#fromServer(deliver, frame.type);
    if (plant === "repeat-event" && frame.type === "event" && random.chance(0.1)) {
      this.#fromServer(deliver, frame.type);
    }
  }

  #fromServer(deliver: () => void, label: string): void {
    if (this.#isCut) return;
    this.#down.push(this.#options.delayMs(), `net down ${label}`, () => {
      if (!this.#isCut) deliver();
    });
  }

  #close(reason: ClosedReason): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isCut = true;
    this.#options.ended();
    this.#options.listener.closed(reason);
  }
}

function networkError(): HoldfastError {
  return new HoldfastError("client", "network_error", "The connection was lost (simulated)");
}
