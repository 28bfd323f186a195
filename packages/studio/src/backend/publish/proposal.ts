import type { PublishProposal } from "../../contract/publish.ts";
import { defaultName, type PullRequestTemplate } from "../../forges/templates.ts";
import { agentsOf } from "../sessions/find.ts";
import type { TaskState } from "../task-state.ts";

const maxBody = 4_000;

/** What is proposed for the next publication; of an open pull request, what it has. */
export function proposalOf(
  state: TaskState,
  templates: readonly PullRequestTemplate[] = [],
): PublishProposal {
  const { publication, title, base, prompts, connected } = state;
  const isOfFork = publication?.fork !== undefined;
  const isOver = publication?.pullRequest !== undefined && publication.pullRequest.state !== "open";
  const prompt = prompts[0]?.text.trim() ?? title;
  const shown = prompt.length <= maxBody ? prompt : `${prompt.slice(0, maxBody)}…`;
  const template =
    templates.find(({ name }) => name === defaultName) ?? (templates.length === 1 ? templates[0] : undefined);
  return {
    title: publication?.pullRequest?.title ?? connected?.pull?.title ?? title,
    body: `${template?.body ?? shown}\n\nWritten by ${agentsOf(state)} in Holdfast.`,
    branch:
      isOver && !isOfFork
        ? nextOf(publication.branch)
        : ((isOfFork ? undefined : publication?.branch) ?? branchOf(state)),
    baseBranch: publication?.baseBranch ?? connected?.pull?.baseBranch ?? base?.branch ?? "",
    ...(templates.length < 2 ? {} : { templates }),
  };
}

/** The message of the commit with the work of a task, whose id leads from the commit to it. */
export function commitMessageOf(state: TaskState): string {
  return `${state.title}\n\nWritten by ${agentsOf(state)} in Holdfast task ${state.id}.\n`;
}

/** A branch that no other task has: the end of a task's id is random. */
export function branchOf({ title, id }: Pick<TaskState, "title" | "id">): string {
  const slug = title
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, 40)
    .replace(/^-+|-+$/g, "");
  return `holdfast/${slug === "" ? "task" : slug}-${id.slice(-6)}`;
}

function nextOf(branch: string): string {
  const [, name = branch, number] = /^(.*?)(?:-v(\d+))?$/.exec(branch) ?? [];
  return `${name}-v${Number(number ?? 1) + 1}`;
}
