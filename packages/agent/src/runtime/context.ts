import type { ActorContext, DatabaseProvider, RawAccess } from "@holdfast/actors";
import { event } from "@holdfast/actors";
import type { UiChunk, UiMessage } from "../chat/messages.ts";
import type { Approval } from "../store/approvals.ts";
import type { Turn } from "../store/turns.ts";

/** What an agent keeps in its state; its conversation is in the database. */
export interface AgentState {
  /** Number of the session: a reset begins the next one. */
  session: number;
  /** `<provider>/<id>` */
  sandboxId: string | undefined;
  /** The agent's id of the session that has been told the instructions. */
  instructed: string | undefined;
}

/** One chunk of a running turn. */
export interface ChunkEvent {
  readonly turn: string;
  readonly messageId: string;
  /** 0, 1, 2 and so on in its turn. */
  readonly position: number;
  readonly chunk: UiChunk;
}

/** Events of an agent. */
export const agentEvents = {
  /** A message of the user was accepted, or one of the agent is complete. */
  message: event<UiMessage>(),
  chunk: event<ChunkEvent>(),
  /** A question of permission was asked or settled. */
  approval: event<Approval>(),
  /** A turn was queued, has begun or has ended. */
  turn: event<Turn>(),
};

/** The events of an agent, by name. */
export type AgentEvents = typeof agentEvents;

export type ChatContext = ActorContext<
  AgentState,
  unknown,
  unknown,
  unknown,
  unknown,
  DatabaseProvider<RawAccess>,
  AgentEvents
>;
