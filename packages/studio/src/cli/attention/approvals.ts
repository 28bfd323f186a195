import { harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import type { ApprovalAnswer, ApprovalOption, ApprovalView, StudioClient } from "@holdfast/studio";
import { gateAnswers } from "../../approvals/gate-answers.ts";
import { truncationNote } from "../../approvals/truncation-note.ts";
import { isBusy } from "../../task-status.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { findTask } from "../tasks/find-task.ts";

export const approvalsUsage = `holdfast approvals list | allow ID... | deny ID... | deny --all

  list         lists the pending questions of the gate and of agents
  allow ID...  allows each once; ids are required, so that nothing is allowed unseen
  --for-task   with allow: the gate does not ask again about an identical call in this task
  deny ID...   denies each
  deny --all   denies all pending questions
  --task ID    with list and --all: only the questions of this task
  --organization ID  an organization besides the first one, by its id or name
  --data DIR   data directory (default: HOLDFAST_DATA or .holdfast)
  --json       machine-readable output`;

interface PendingApproval {
  readonly taskId: string;
  readonly approval: ApprovalView;
}

export async function approvalsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    all: { type: "boolean" },
    "for-task": { type: "boolean" },
    task: { type: "string" },
  });
  const [given, ...ids] = positionals;
  if (values.help === true) {
    console.log(approvalsUsage);
    return 0;
  }
  const verb = verbOf("approvals", ["list", "allow", "deny"], given);
  const all = values.all === true;
  if (verb === "list") noArguments(ids);
  else if (all && verb === "allow") throw new UsageError("allow needs the ids of questions, not --all");
  else if (all) noArguments(ids);
  else if (ids.length === 0) throw new UsageError("The ids of questions are missing");
  const forTask = values["for-task"] === true;
  if (forTask && verb !== "allow") throw new UsageError("--for-task is only for allow");
  const json = values.json === true;
  return withOwnerAccess(values, async ({ client }) => {
    const open = await openApprovals(client, values.task);
    if (verb === "list") {
      for (const each of open) console.log(json ? jsonLine(each) : formatQuestion(each));
      if (open.length === 0 && !json) console.log("No approvals are pending.");
      return 0;
    }
    const outcomes = await answerAll(client, open, all ? open.map(({ approval }) => approval.id) : ids, {
      verb,
      forTask,
    });
    for (const outcome of outcomes) printOutcome(outcome, { json, forTask });
    if (outcomes.length === 0 && !json) console.log("No approvals are pending.");
    return outcomes.some(({ error }) => error !== undefined) ? 1 : 0;
  });
}

interface Outcome {
  readonly id: string;
  readonly answer: "allow" | "deny";
  readonly error?: { readonly group: string; readonly code: string; readonly message: string };
}

function printOutcome(
  outcome: Outcome,
  { json, forTask }: { readonly json: boolean; readonly forTask: boolean },
): void {
  const { id, answer, error } = outcome;
  if (json) console.log(jsonLine(outcome));
  else if (error !== undefined)
    console.error(`Not answered: ${id}: ${error.message} (${error.group}.${error.code})`);
  else {
    const allowed = forTask ? "Allowed for its task" : "Allowed once";
    console.log(`${answer === "allow" ? allowed : "Denied"}: ${id}`);
  }
}

/** The open approvals of one task, or of all. Wakes no task without approvals. */
export async function openApprovals(
  client: StudioClient,
  task: string | undefined,
): Promise<PendingApproval[]> {
  if (task !== undefined) {
    const { approvals } = await findTask(client, task);
    return approvals.map((approval) => ({ taskId: task, approval }));
  }
  const found: PendingApproval[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.organization.listTasks(cursor === undefined ? {} : { cursor });
    for (const { id, status, openApprovals: open } of page.tasks) {
      // A query wakes a task. A running task is awake anyway, and may be ahead of its row in the index.
      if (open === 0 && !isBusy(status)) continue;
      const { approvals } = await client.task(id).get();
      found.push(...approvals.map((approval) => ({ taskId: id, approval })));
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

/** Lines that name the origin of untrusted text that may have caused a gate question. */
export function originLines({ boundary }: ApprovalView): string[] {
  if (boundary?.origin === undefined) return [];
  return [`  this session contains untrusted content: ${harmless(boundary.origin)}`];
}

/** The lines of a question's detail, plus a note if it is truncated. */
export function detailLines(approval: ApprovalView): string[] {
  const note = truncationNote(approval);
  return [...harmless(approval.detail).split("\n"), ...(note === undefined ? [] : [note])];
}

/** Formats a question for a terminal. */
export function formatQuestion({ taskId, approval }: PendingApproval): string {
  const heading =
    approval.boundary === undefined
      ? "the agent requests approval"
      : "THE GATE REQUIRES APPROVAL: this acts outside the jail";
  const until = new Date(approval.expiresAt).toISOString();
  const lines = [
    `${approval.id}  task ${taskId}  until ${until}`,
    `  ${heading}`,
    `  ${harmless(approval.title)}`,
    ...originLines(approval),
  ];
  return [
    ...lines,
    ...detailLines(approval).map((line) => `    ${line}`),
    ...(approval.proposal === undefined
      ? []
      : [`  a rule for policy.json that allows it: ${harmless(JSON.stringify(approval.proposal))}`]),
    "",
  ].join("\n");
}

/** Answers the questions `ids`, grouped by task. A question that does not accept the answer gets a failed outcome. */
async function answerAll(
  client: StudioClient,
  open: readonly PendingApproval[],
  ids: readonly string[],
  { verb: answer, forTask }: { readonly verb: Outcome["answer"]; readonly forTask: boolean },
): Promise<readonly Outcome[]> {
  const kind = answer === "allow" ? "allow_once" : "reject_once";
  const isWanted = (option: ApprovalOption): boolean =>
    forTask ? option.id === gateAnswers.forTask : option.kind === kind;
  const outcomes = new Map<string, Outcome>();
  const byTask = new Map<string, ApprovalAnswer[]>();
  for (const id of ids) {
    const found = open.find(({ approval }) => approval.id === id);
    // Only questions of the gate can be allowed for the task.
    const isFromGate = found?.approval.boundary !== undefined;
    const option = forTask && !isFromGate ? undefined : found?.approval.options.find(isWanted);
    outcomes.set(id, { id, answer, ...(option === undefined ? { error: notPending(id) } : {}) });
    if (found === undefined || option === undefined) continue;
    const given = byTask.get(found.taskId) ?? [];
    given.push({ approvalId: id, optionId: option.id });
    byTask.set(found.taskId, given);
  }
  for (const [task, answers] of byTask) {
    for (const each of inBatches(answers)) {
      for (const { approvalId: id, error } of await client.task(task).answerMany(each))
        outcomes.set(id, { id, answer, ...(error === undefined ? {} : { error }) });
    }
  }
  return [...outcomes.values()];
}

/** Splits answers into batches of the maximum size of one call. */
function inBatches(answers: readonly ApprovalAnswer[]): readonly (readonly ApprovalAnswer[])[] {
  const parts: ApprovalAnswer[][] = [];
  for (let at = 0; at < answers.length; at += 100) parts.push(answers.slice(at, at + 100));
  return parts;
}

function notPending(id: string): NonNullable<Outcome["error"]> {
  return {
    group: "approval",
    code: "not_found",
    message: `There is no pending question ${id} that accepts this answer`,
  };
}
