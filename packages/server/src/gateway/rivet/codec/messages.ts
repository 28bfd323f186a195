import type { WireError } from "@holdfast/core";

/** A frame of a client. */
export type ClientMessage =
  | { readonly tag: "ActionRequest"; readonly id: bigint; readonly name: string; readonly args: unknown }
  | { readonly tag: "SubscriptionRequest"; readonly eventName: string; readonly subscribe: boolean };

/** A frame for a client; its values are decoded. */
export type ServerMessage =
  | { readonly tag: "Init"; readonly actorId: string; readonly connectionId: string }
  | { readonly tag: "Error"; readonly error: WireError; readonly actionId: bigint | null }
  | { readonly tag: "ActionResponse"; readonly id: bigint; readonly output: unknown }
  | { readonly tag: "Event"; readonly name: string; readonly args: unknown };

/** A message for a queue. */
export interface QueueBody {
  readonly body: unknown;
  readonly wait?: boolean;
  readonly timeout?: number;
}
