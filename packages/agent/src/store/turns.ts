import { HoldfastError } from "@holdfast/core";
import type { UiMessage } from "../chat/messages.ts";
import { agentLimits } from "../limits.ts";
import type { AgentDatabase } from "./database.ts";

/** `interrupted`: the server or the agent's sandbox ended in the middle; how far the agent came is unknown. */
export type TurnStatus = "queued" | "running" | "completed" | "failed" | "cancelled" | "interrupted";

/** One prompt and what became of it. Times are milliseconds since the epoch. */
export interface Turn {
  readonly id: string;
  readonly status: TurnStatus;
  readonly userMessageId: string;
  /** The id of the agent's message. */
  readonly messageId: string;
  /** Of a completed turn: the agent's word for how it ended. */
  readonly stopReason?: string;
  /** Of a failed turn. */
  readonly error?: { readonly code: string; readonly message: string };
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly settledAt?: number;
}

interface Row {
  readonly id: string;
  readonly status: TurnStatus;
  readonly user_message_id: string;
  readonly user_message: string;
  readonly message_id: string;
  readonly message: string | null;
  readonly stop_reason: string | null;
  readonly error: string | null;
  readonly first_event: number | null;
  readonly created_at: number;
  readonly started_at: number | null;
  readonly settled_at: number | null;
}

/** How a turn is closed. */
export interface Settlement {
  readonly status: "completed" | "failed" | "cancelled" | "interrupted";
  readonly message: UiMessage;
  readonly stopReason?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** The turns of a chat, with the messages of both sides, in the actor's database. */
export class Turns {
  readonly #database: AgentDatabase;

  constructor(database: AgentDatabase) {
    this.#database = database;
  }

  async add(id: string, messageId: string, message: UiMessage): Promise<Turn> {
    const createdAt = message.metadata.createdAt;
    await this.#database.execute(
      `INSERT INTO agent_turns (id, status, user_message_id, user_message, message_id, created_at)
       VALUES (?, 'queued', ?, ?, ?, ?)`,
      ...[id, message.id, JSON.stringify(message), messageId, createdAt],
    );
    return this.get(id);
  }

  /** Throws `agent.unknown_turn`. */
  get(id: string): Turn {
    return turnOf(this.#row(id));
  }

  ofUserMessage(id: string): Turn | undefined {
    const row = this.#database.get<Row>("SELECT * FROM agent_turns WHERE user_message_id = ?", id);
    return row && turnOf(row);
  }

  ofMessage(id: string): Turn | undefined {
    const row = this.#database.get<Row>("SELECT * FROM agent_turns WHERE message_id = ?", id);
    return row && turnOf(row);
  }

  userMessage(id: string): UiMessage {
    return JSON.parse(this.#row(id).user_message) as UiMessage;
  }

  /** The agent's message of a settled turn. */
  message(id: string): UiMessage | undefined {
    const { message } = this.#row(id);
    return message === null ? undefined : (JSON.parse(message) as UiMessage);
  }

  /** Unsettled turns, oldest first. */
  open(): Turn[] {
    return this.#database
      .query<Row>("SELECT * FROM agent_turns WHERE settled_at IS NULL ORDER BY position")
      .map(turnOf);
  }

  /** The latest ones, newest first. */
  latest(limit: number): Turn[] {
    return this.#database
      .query<Row>("SELECT * FROM agent_turns ORDER BY position DESC LIMIT ?", limit)
      .map(turnOf);
  }

  /** The events of a turn are those behind `firstEvent` in the log of its session. */
  async begin(id: string, startedAt: number, firstEvent: number): Promise<Turn> {
    await this.#database.execute(
      "UPDATE agent_turns SET status = 'running', started_at = ?, first_event = ? WHERE id = ?",
      ...[startedAt, firstEvent, id],
    );
    return this.get(id);
  }

  firstEvent(id: string): number {
    return this.#row(id).first_event ?? 0;
  }

  async settle(id: string, settledAt: number, settlement: Settlement): Promise<Turn> {
    const { status, message, stopReason = null, error } = settlement;
    await this.#database.execute(
      `UPDATE agent_turns SET status = ?, settled_at = ?, message = ?, stop_reason = ?, error = ? WHERE id = ?`,
      ...[status, settledAt, JSON.stringify(message), stopReason],
      ...[error === undefined ? null : JSON.stringify(error), id],
    );
    return this.get(id);
  }

  /** The last messages of the conversation, oldest first; those of unsettled turns only from the user. */
  messages(limit: number): UiMessage[] {
    const rows = this.#database.query<Row>(
      "SELECT * FROM agent_turns ORDER BY position DESC LIMIT ?",
      Math.ceil(limit / 2),
    );
    return rows.reverse().flatMap(({ user_message, message }) => {
      const said = JSON.parse(user_message) as UiMessage;
      return message === null ? [said] : [said, JSON.parse(message) as UiMessage];
    });
  }

  #row(id: string): Row {
    const row = this.#database.get<Row>("SELECT * FROM agent_turns WHERE id = ?", id);
    if (row) return row;
    throw new HoldfastError("agent", "unknown_turn", `This chat has no turn "${id}"`, { statusCode: 404 });
  }
}

/** Throws `agent.too_many_turns`. */
export function checkQueue(open: readonly Turn[]): void {
  const waiting = open.filter(({ status }) => status === "queued").length;
  if (waiting < agentLimits.maxQueuedTurns) return;
  const message = `${waiting} prompts wait already. Wait until turns have ended, or cancel them.`;
  throw new HoldfastError("agent", "too_many_turns", message, { statusCode: 429 });
}

function turnOf(row: Row): Turn {
  const { id, status, user_message_id, message_id, stop_reason, error, created_at, started_at, settled_at } =
    row;
  return {
    ...{ id, status, userMessageId: user_message_id, messageId: message_id, createdAt: created_at },
    ...(stop_reason === null ? {} : { stopReason: stop_reason }),
    ...(error === null ? {} : { error: JSON.parse(error) as { code: string; message: string } }),
    ...(started_at === null ? {} : { startedAt: started_at }),
    ...(settled_at === null ? {} : { settledAt: settled_at }),
  };
}
