import { HoldfastError, isHoldfastError } from "@holdfast/core";
import type { ApprovalAnswer, ApprovalAnswerOutcome } from "../../contract.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { sessionsOf, type TaskSession, type TaskState } from "../task-state.ts";
import type { PersonConnState } from "../tasks/actions.ts";
import { settleApproval } from "../turns/reports.ts";
import { requireList, requireText } from "../validate.ts";
import { alreadySettled, optionNotOffered, undeliverableAnswer, unknownApproval } from "./approval-errors.ts";
import { sessionOfApproval } from "./find.ts";

/** The part of the host that is used. */
export type ApprovalsHost = Pick<
  BackendHost,
  "ports" | "isAwaitingAnswer" | "deliverAnswer" | "watchQuestion"
>;

/** The part of the context of a task that is used. */
export interface AnswersContext {
  readonly state: TaskState;
  saveState(): Promise<void>;
}

/** Answers to the questions of agents and of the gate. */
export class ApprovalAnswers<Context extends AnswersContext> {
  readonly #host: ApprovalsHost;
  readonly #publishChange: (c: Context) => void;

  constructor(host: ApprovalsHost, publishChange: (c: Context) => void) {
    this.#host = host;
    this.#publishChange = publishChange;
  }

  /**
   * Runs when the actor starts. Questions of the gate outlive the process that showed them: settles the ones that no
   * longer wait and watches the others, which could otherwise stay open forever.
   */
  async reconcileGateQuestions(c: Context): Promise<void> {
    const { id: taskId } = c.state;
    const questions = sessionsOf(c.state).flatMap((session) =>
      session.approvals.flatMap(({ id, boundary }) => (boundary === undefined ? [] : [{ session, id }])),
    );
    for (const { session, id } of questions) this.#host.watchQuestion(taskId, session.sessionId, id);
    let settled = 0;
    for (const { session, id } of questions) {
      if (await this.#host.isAwaitingAnswer(taskId, id)) continue;
      settleApproval(session, id);
      settled += 1;
    }
    if (settled > 0) this.#publishChange(c);
  }

  async answer(c: Context, approvalId: string, optionId: string, by: PersonConnState): Promise<void> {
    requireText(approvalId, "approvalId", 200);
    requireText(optionId, "optionId", 200);
    const session = sessionOfApproval(c.state, approvalId) ?? c.state;
    const approval = session.approvals.find((each) => each.id === approvalId);
    if (approval === undefined) throw unknownApproval(session, approvalId);
    if (approval.expiresAt <= this.#now()) {
      throw new HoldfastError("approval", "expired", "This question has expired", { statusCode: 410 });
    }
    const option = approval.options.find((each) => each.id === optionId);
    if (option === undefined) throw optionNotOffered();
    // After a crash the question stays listed until the runner removes it, but nothing waits for its answer.
    if (!(await this.#host.isAwaitingAnswer(c.state.id, approvalId)))
      throw undeliverableAnswer(session, approval);
    // Another answer may have come during the await.
    if (!session.approvals.some(({ id }) => id === approvalId)) throw unknownApproval(session, approvalId);
    const allowed = option.kind === "allow_once" || option.kind === "allow_always";
    // Somebody answers it at this moment.
    if (session.answers?.[approvalId] !== undefined) throw alreadySettled(session, approvalId);
    const who = { person: by.person, ...(by.startedBy === undefined ? {} : { name: by.startedBy.name }) };
    const deliver = () => this.#host.deliverAnswer(c.state.id, approvalId, { optionId, allowed, by: who });
    session.answers = {
      ...session.answers,
      [approvalId]: {
        ...{ ...who, option: option.name, isAllowed: allowed, at: this.#now() },
      },
    };
    let delivered = false;
    try {
      delivered = await (approval.boundary === undefined
        ? this.#answerAgent(c, session, approvalId, deliver)
        : this.#answerGate(c, session, approvalId, deliver));
    } finally {
      if (!delivered) delete session.answers?.[approvalId];
    }
    if (!delivered) throw undeliverableAnswer(session, approval);
  }

  async #answerAgent(
    c: Context,
    session: TaskSession,
    approvalId: string,
    deliver: () => Promise<boolean>,
  ): Promise<boolean> {
    settleApproval(session, approvalId);
    this.#publishChange(c);
    // The approval is consumed durably before the agent gets the answer, so it can never be used twice.
    await c.saveState();
    return deliver();
  }

  /** The record of the gate decides which answer was first. Until it has one, the question stays in the task. */
  async #answerGate(
    c: Context,
    session: TaskSession,
    approvalId: string,
    deliver: () => Promise<boolean>,
  ): Promise<boolean> {
    const delivered = await deliver();
    settleApproval(session, approvalId);
    this.#publishChange(c);
    return delivered;
  }

  /** Answers each question independently: another window may have settled some of them. */
  async answerMany(
    c: Context,
    answers: readonly ApprovalAnswer[],
    by: PersonConnState,
  ): Promise<readonly ApprovalAnswerOutcome[]> {
    requireList(answers, "answers", studioLimits.maxAnswersPerCall);
    const outcomes: ApprovalAnswerOutcome[] = [];
    for (const { approvalId, optionId } of answers) {
      try {
        await this.answer(c, approvalId, optionId, by);
        outcomes.push({ approvalId });
      } catch (error) {
        if (!isHoldfastError(error)) throw error;
        const { group, code, message } = error;
        outcomes.push({ approvalId, error: { group, code, message } });
      }
    }
    return outcomes;
  }

  #now(): number {
    return this.#host.ports.clock.now();
  }
}
