/** This process as a node that takes actors only while a request keeps it alive. */
export interface ServerlessNode {
  readonly id: string;
  /** True while a request waits for another node, or a WebSocket to one is open. */
  readonly isForwarding: boolean;
  /** Changes this node's share of the actors. Throws errors of the store. */
  reweigh(weight: number): Promise<void>;
}
