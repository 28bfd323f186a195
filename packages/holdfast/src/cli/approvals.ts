import { HoldfastError } from "@holdfast/core";
import type { ApprovalView, StudioClient } from "@holdfast/studio";
import { oneArgument, parse, verbOf } from "./arguments.ts";
import { asOwner } from "./owner.ts";
import { harmless } from "./terminal.ts";

export const approvalsUsage = `holdfast approvals list | allow ID | deny ID

  list        what waits for an answer: questions of the gate and of agents
  allow ID    allows it once
  deny ID     denies it
  --data DIR  data directory (default: HOLDFAST_DATA or .holdfast)
  --json      machine-readable output`;

interface Waiting {
  readonly taskId: string;
  readonly approval: ApprovalView;
}

export async function approvalsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {});
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(approvalsUsage);
    return 0;
  }
  const verb = verbOf("approvals", ["list", "allow", "deny"], given);
  const id = verb === "list" ? "" : oneArgument(rest, "The question's id");
  const json = values.json === true;
  return asOwner(values, async (owner) => {
    const all = await waiting(owner.client);
    if (verb === "list") {
      for (const each of all) console.log(json ? JSON.stringify(each) : card(each));
      if (all.length === 0 && !json) console.log("Nothing waits for an answer.");
      return 0;
    }
    await answer(owner.client, all, id, verb);
    console.log(
      json ? JSON.stringify({ id, answer: verb }) : `${verb === "allow" ? "Allowed once" : "Denied"}: ${id}`,
    );
    return 0;
  });
}

async function waiting(client: StudioClient): Promise<Waiting[]> {
  const found: Waiting[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.organization.listTasks(cursor === undefined ? {} : { cursor });
    for (const { id } of page.tasks) {
      const { approvals } = await client.task(id).get();
      found.push(...approvals.map((approval) => ({ taskId: id, approval })));
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

/** Where words came from that may have led to a question of the gate. */
export function originOf({ boundary }: ApprovalView): string[] {
  if (boundary?.origin === undefined) return [];
  return [`  words from outside are in this session: ${harmless(boundary.origin)}`];
}

/** One question, for a terminal. */
export function card({ taskId, approval }: Waiting): string {
  const asks =
    approval.boundary === undefined ? "the agent asks" : "THE GATE ASKS: this acts outside of the jail";
  const until = new Date(approval.expiresAt).toISOString();
  const lines = [
    `${approval.id}  task ${taskId}  until ${until}`,
    `  ${asks}`,
    `  ${harmless(approval.title)}`,
    ...originOf(approval),
  ];
  return [
    ...lines,
    ...harmless(approval.detail)
      .split("\n")
      .map((line) => `    ${line}`),
    ...(approval.proposal === undefined
      ? []
      : [`  a rule for policy.json that allows it: ${harmless(JSON.stringify(approval.proposal))}`]),
    "",
  ].join("\n");
}

async function answer(
  client: StudioClient,
  all: readonly Waiting[],
  id: string,
  verb: "allow" | "deny",
): Promise<void> {
  const found = all.find(({ approval }) => approval.id === id);
  const wanted = verb === "allow" ? "allow_once" : "reject_once";
  const option = found?.approval.options.find(({ kind }) => kind === wanted);
  if (found === undefined || option === undefined) {
    throw new HoldfastError("approval", "not_found", `No question ${id} waits for this answer`, {
      statusCode: 404,
    });
  }
  await client.task(found.taskId).answer(id, option.id);
}
