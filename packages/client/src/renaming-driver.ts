import type {
  ActorTarget,
  ClientDriver,
  ClientFrame,
  DriverCall,
  DriverConnection,
  DriverCreate,
  DriverFetch,
  DriverListener,
  DriverSend,
  DriverSendReply,
  DriverWebSocket,
  PreparedFrame,
  ResumePoint,
  SendContent,
} from "./driver.ts";
import type { ManageRequest } from "./management.ts";
import type { BufferedWebSocket } from "./raw/raw-socket.ts";

/** A driver whose targets have other names: those of a namespace. */
export class RenamingDriver implements ClientDriver {
  readonly keepsOrder: boolean;
  readonly sendsOverConnections: boolean;
  readonly #driver: ClientDriver;
  readonly #rename: (name: string) => string;

  /** `rename` may throw for a name that must not be addressed. */
  constructor(driver: ClientDriver, rename: (name: string) => string) {
    this.#driver = driver;
    this.#rename = rename;
    this.keepsOrder = driver.keepsOrder;
    this.sendsOverConnections = driver.sendsOverConnections === true;
  }

  prepareSend(content: SendContent): PreparedFrame {
    return this.#driver.prepareSend(content);
  }

  prepareArgs(args: readonly unknown[]): PreparedFrame {
    return this.#driver.prepareArgs(args);
  }

  prepare(frame: ClientFrame): PreparedFrame {
    return this.#driver.prepare(frame);
  }

  send(request: DriverSend): Promise<DriverSendReply> {
    return this.#driver.send({ ...request, target: this.#target(request.target) });
  }

  call(call: DriverCall): Promise<unknown> {
    return this.#driver.call({ ...call, target: this.#target(call.target) });
  }

  resolve(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<string> {
    return this.#driver.resolve(this.#target(target), signal, params);
  }

  create(request: DriverCreate): Promise<string> {
    return this.#driver.create({ ...request, name: this.#rename(request.name) });
  }

  connect(
    target: ActorTarget,
    params: unknown,
    listener: DriverListener,
    resume?: ResumePoint,
    events?: readonly string[],
  ): DriverConnection {
    return this.#driver.connect(this.#target(target), params, listener, resume, events);
  }

  fetch(request: DriverFetch): Promise<Response> {
    return this.#driver.fetch({ ...request, target: this.#target(request.target) });
  }

  webSocket(request: DriverWebSocket): BufferedWebSocket | Promise<BufferedWebSocket> {
    return this.#driver.webSocket({ ...request, target: this.#target(request.target) });
  }

  gatewayUrl(target: ActorTarget): string | Promise<string> {
    return this.#driver.gatewayUrl(this.#target(target));
  }

  reload(target: ActorTarget, signal: AbortSignal | undefined, params?: unknown): Promise<void> {
    return this.#driver.reload(this.#target(target), signal, params);
  }

  manage(request: ManageRequest, signal: AbortSignal | undefined): Promise<unknown> {
    return this.#driver.manage({ ...request, name: this.#rename(request.name) }, signal);
  }

  dispose(): Promise<void> {
    return this.#driver.dispose();
  }

  #target(target: ActorTarget): ActorTarget {
    return { ...target, name: this.#rename(target.name) };
  }
}
