import type { ProcessExit } from "./agent-process.ts";
import type { AcpInstance } from "./instance.ts";
import type { Message } from "./message.ts";
import type { PendingRequest } from "./pending.ts";

/**
 * Sees what crosses between clients and agents, in order, before anybody else does. When a method
 * throws, the message goes no further and the agent is ended: nothing crosses unseen.
 */
export interface AcpObserver {
  /** `message` is about to be written to the agent, with the id that the agent is given. */
  toAgent(instance: AcpInstance, message: Message, internal: boolean): void;
  /**
   * The agent printed `message`; `answered` is the request that it answers. "hold" keeps it from the
   * raw stream; {@link AcpInstance.release} lets it through later.
   */
  fromAgent(instance: AcpInstance, message: Message, answered: PendingRequest | undefined): "pass" | "hold";
  /** The server answers a request in the place of its agent. */
  refused(instance: AcpInstance, request: PendingRequest, answer: string): void;
  /** A notice of the server for the raw stream. */
  notice(instance: AcpInstance, notice: string): void;
  exited(instance: AcpInstance, exit: ProcessExit): void;
  /** A client's request is about to be passed on: the moment to bring back the session that it is about. */
  beforeRequest(instance: AcpInstance, message: Message): Promise<void> | undefined;
  /** The instance is gone for good. */
  closed(instance: AcpInstance): void;
}
