import type { ApprovalView } from "../../contract.ts";
import { optionNotOffered, unknownApproval } from "../sessions/approval-errors.ts";
import { sessionOfApproval } from "../sessions/find.ts";
import { toTaskView } from "../sessions/view.ts";
import type { TaskState } from "../task-state.ts";
import type { TaskContext, TaskSteps } from "../task-steps.ts";
import type { PersonConnState } from "../tasks/actions.ts";

/** Internal actions of a task about its approvals, for notifications. */
export function approvalInternals(steps: Pick<TaskSteps, "answers">) {
  return {
    /** An approval that waits; null if none with this id does. */
    openApproval: (c: { readonly state: TaskState }, approvalId: string): ApprovalView | null =>
      toTaskView(c.state).approvals.find(({ id }) => id === approvalId) ?? null,

    /** Answers an approval for a person who is not connected, by its first option that allows or denies once. */
    async answerFor(
      c: TaskContext,
      approvalId: string,
      isAllowed: boolean,
      by: PersonConnState,
    ): Promise<void> {
      const session = sessionOfApproval(c.state, approvalId) ?? c.state;
      const approval = session.approvals.find(({ id }) => id === approvalId);
      if (approval === undefined) throw unknownApproval(session, approvalId);
      const kind = isAllowed ? "allow_once" : "reject_once";
      const option = approval.options.find((each) => each.kind === kind);
      if (option === undefined) throw optionNotOffered();
      await steps.answers.answer(c, approvalId, option.id, by);
    },
  };
}
