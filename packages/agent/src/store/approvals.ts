import { HoldfastError } from "@holdfast/core";
import type { AgentDatabase } from "./database.ts";

/** Whether a question waits, or how it ended. */
export type ApprovalState = "pending" | "answered" | "cancelled" | "expired";

/** A question of permission. Times are milliseconds since the epoch. */
export interface Approval {
  readonly id: string;
  readonly turn: string;
  readonly state: ApprovalState;
  readonly toolCallId: string;
  readonly title: string;
  /** `read`, `edit`, `execute` and so on. */
  readonly kind: string;
  readonly input: unknown;
  /** The answers that the agent offers. */
  readonly options: readonly { readonly optionId: string; readonly name: string; readonly kind: string }[];
  /** Of an answered one. */
  readonly optionId?: string;
  readonly approved?: boolean;
  readonly createdAt: number;
  readonly resolvedAt?: number;
}

interface Row {
  readonly approval: string;
}

/** Questions of permission, in the actor's database. */
export class Approvals {
  readonly #database: AgentDatabase;

  constructor(database: AgentDatabase) {
    this.#database = database;
  }

  async add(approval: Approval): Promise<void> {
    await this.#database.execute(
      "INSERT INTO agent_approvals (id, turn, state, approval) VALUES (?, ?, ?, ?)",
      ...[approval.id, approval.turn, approval.state, JSON.stringify(approval)],
    );
  }

  async update(approval: Approval): Promise<void> {
    await this.#database.execute(
      "UPDATE agent_approvals SET state = ?, approval = ? WHERE id = ?",
      ...[approval.state, JSON.stringify(approval), approval.id],
    );
  }

  /** Throws `agent.unknown_approval`. */
  get(id: string): Approval {
    const approval = this.find(id);
    if (approval) return approval;
    throw new HoldfastError("agent", "unknown_approval", `This chat has no approval "${id}"`, {
      statusCode: 404,
    });
  }

  find(id: string): Approval | undefined {
    const row = this.#database.get<Row>("SELECT approval FROM agent_approvals WHERE id = ?", id);
    return row && (JSON.parse(row.approval) as Approval);
  }

  pending(): Approval[] {
    return this.#list("SELECT approval FROM agent_approvals WHERE state = 'pending' ORDER BY position");
  }

  ofTurn(turn: string): Approval[] {
    return this.#list("SELECT approval FROM agent_approvals WHERE turn = ? ORDER BY position", turn);
  }

  #list(sql: string, ...values: readonly string[]): Approval[] {
    return this.#database.query<Row>(sql, ...values).map(({ approval }) => JSON.parse(approval) as Approval);
  }
}
