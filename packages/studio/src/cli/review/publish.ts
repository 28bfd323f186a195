/** `holdfast publish`: the changes of a task as a pull request. */
import { readFile } from "node:fs/promises";
import { jsonLine, oneArgument, parse, UsageError } from "@holdfast/cli";
import type { PublishInput, StudioClient } from "@holdfast/studio";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { findTask } from "../tasks/find-task.ts";
import { pullRequestText } from "./pull-request-text.ts";

export const publishUsage = `holdfast publish TASK [options]

Pushes the changes of a task to a branch of its forge, and opens a pull request. Repeated, it updates the open one.

  --title TEXT      title (default: the task's)
  --body TEXT       description (default: the repository's template, or the task's prompt)
  --body-file FILE  description from a file
  --draft           opens it as a draft
  --base BRANCH     branch to merge into (default: the one that the task started from)
  --branch NAME     branch to push to; begins with holdfast/
  --reviewers NAMES users at the forge, with commas between
  --assignees NAMES users at the forge, to whom it is assigned
  --labels NAMES    labels, with commas between
  --own-branch      of a task on a fork: to a branch of the repository, and not to that of the fork
  --ready           pushes nothing, and says that the draft is ready for review
  --organization ID an organization besides the first one, by its id or name
  --data DIR        data directory (default: HOLDFAST_DATA or .holdfast)
  --json            machine-readable output`;

const options = {
  title: { type: "string" },
  body: { type: "string" },
  "body-file": { type: "string" },
  draft: { type: "boolean" },
  base: { type: "string" },
  branch: { type: "string" },
  reviewers: { type: "string" },
  assignees: { type: "string" },
  labels: { type: "string" },
  "own-branch": { type: "boolean" },
  ready: { type: "boolean" },
} as const;

export async function publishCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, { ...organizationOption, ...options });
  if (values.help === true) {
    console.log(publishUsage);
    return 0;
  }
  const id = oneArgument(positionals, "The task's id");
  const bodyFile = values["body-file"];
  if (values.body !== undefined && bodyFile !== undefined)
    throw new UsageError("--body and --body-file do not go together");
  const body = bodyFile === undefined ? values.body : await readFile(bodyFile, "utf8");
  const { title, draft, base: baseBranch, branch } = values;
  const namesOf = (text: string | undefined) => text?.split(",").map((name) => name.trim());
  const reviewers = namesOf(values.reviewers);
  const assignees = namesOf(values.assignees);
  const labels = namesOf(values.labels);
  const input: PublishInput = {
    ...(title === undefined ? {} : { title }),
    ...(body === undefined ? {} : { body }),
    ...(draft === undefined ? {} : { draft }),
    ...(baseBranch === undefined ? {} : { baseBranch }),
    ...(branch === undefined ? {} : { branch }),
    ...(reviewers === undefined ? {} : { reviewers }),
    ...(assignees === undefined ? {} : { assignees }),
    ...(labels === undefined ? {} : { labels }),
    ...(values["own-branch"] === true ? { to: "branch" } : {}),
  };
  if (values.ready === true && Object.keys(input).length > 0)
    throw new UsageError("--ready publishes nothing: leave out the other options");
  return withOwnerAccess({ data: values.data, organization: values.organization }, ({ client }) =>
    publish(client, id, values.ready === true ? undefined : input, values.json === true),
  );
}

async function publish(
  client: StudioClient,
  id: string,
  input: PublishInput | undefined,
  json: boolean,
): Promise<number> {
  await findTask(client, id);
  const task = client.task(id);
  const view = await (input === undefined ? task.markReady() : task.publish(input));
  if (json) console.log(jsonLine(view));
  else if (view.pullRequest !== undefined) console.log(pullRequestText(view.pullRequest));
  return 0;
}
