/** Questions of the agent and of the gate, answered one by one or together. */
import type { ApprovalAnswer, ApprovalOption, ApprovalView } from "../../../contract.ts";

/**
 * The questions that a batch can answer: those of the gate. An agent's questions are about its own work and are
 * answered individually. The server decides which are still open, because a browser's clock may be wrong.
 */
export function selectBatch(approvals: readonly ApprovalView[]): readonly ApprovalView[] {
  const open = approvals.filter(
    ({ boundary, options }) => boundary !== undefined && options.some(({ kind }) => kind === "allow_once"),
  );
  return open.length < 2 ? [] : open;
}

/** The same answer for each selected question, in the order in which they were asked. */
export function answersFor(
  batch: readonly ApprovalView[],
  selected: ReadonlySet<string>,
  kind: ApprovalOption["kind"],
): readonly ApprovalAnswer[] {
  return batch.flatMap(({ id, options }) => {
    const option = options.find((each) => each.kind === kind);
    return selected.has(id) && option !== undefined ? [{ approvalId: id, optionId: option.id }] : [];
  });
}

const maxLineCharacters = 160;

/** The beginning of a question's detail on one line; its card has all of it. */
export function summaryLine({ detail, truncated }: ApprovalView): string {
  const line = detail.replaceAll(/\s+/g, " ").trim();
  const cut = line.slice(0, maxLineCharacters);
  return cut.length < line.length || truncated ? `${cut} …` : cut;
}
