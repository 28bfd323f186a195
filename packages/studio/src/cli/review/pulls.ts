/** `holdfast pulls`: pull requests of connected repositories, and those of tasks. */
import { harmless, jsonLine, UsageError } from "@holdfast/cli";
import type { PublicationView, PullRequestView, StudioClient } from "@holdfast/studio";
import type { IssuePage } from "../../backend/forks/issues.ts";
import { findRepository } from "../repositories/repositories.ts";
import { findTask } from "../tasks/find-task.ts";
import { sessionNamed, sessionOption } from "../tasks/task-sessions.ts";
import { commandOfVerbs } from "../verbs/command.ts";
import { verb } from "../verbs/verb.ts";
import { pullRequestText } from "./pull-request-text.ts";

const states = ["open", "closed", "merged"] as const satisfies readonly PullRequestView["state"][];

export const pullsCommand = commandOfVerbs({
  name: "pulls",
  intro: "Pull requests. holdfast publish TASK opens that of a task.",
  verbs: {
    list: verb({
      arguments: "REPOSITORY",
      description: "lists those of a connected repository, the latest first",
      options: {
        state: { type: "string", value: "open|closed|merged", description: "default: all" },
        limit: { type: "string", value: "COUNT", description: "at most this many (default: 50)" },
      },
      check(_args, { state, limit }) {
        if (state !== undefined && !states.some((each) => each === state))
          throw new UsageError(`--state is one of ${states.join(", ")}`);
        if (limit !== undefined && !/^[1-9]\d{0,5}$/.test(limit)) throw new UsageError("--limit is a number");
      },
      async run({ client, args: [name = ""], values, json }) {
        const { id } = await findRepository(client, name);
        const state = states.find((each) => each === values.state);
        let isEmpty = true;
        for await (const pull of pullsOf(client, id, state, Number(values.limit ?? 50))) {
          isEmpty = false;
          console.log(json ? jsonLine(pull) : lineOf(pull));
        }
        if (isEmpty && !json) console.log("There are no such pull requests.");
      },
    }),
    issues: verb({
      arguments: "REPOSITORY",
      description: "lists the open issues of a connected repository, from its forge",
      options: { number: { type: "string", value: "NUMBER", description: "prints this one with its text" } },
      check(_args, { number }) {
        if (number !== undefined) requireNumber(number);
      },
      async run({ client, args: [name = ""], values, json, print }) {
        const { id } = await findRepository(client, name);
        if (values.number !== undefined) {
          const issue = await client.repository(id).issue(Number(values.number));
          const { number, state, title, webUrl, body } = issue;
          print(issue, harmless(`#${number}  ${state}  ${title}\n${webUrl}\n\n${body}`));
          return;
        }
        let isEmpty = true;
        for (let page: number | undefined = 1; page !== undefined; ) {
          const { items, nextPage }: IssuePage = await client.repository(id).issues(page);
          for (const issue of items) {
            isEmpty = false;
            const { number, title, author, webUrl } = issue;
            console.log(json ? jsonLine(issue) : harmless(`#${number}  ${title}  ${author}  ${webUrl}`));
          }
          page = nextPage;
        }
        if (isEmpty && !json) console.log("No issue is open.");
      },
    }),
    show: verb({
      arguments: "REPOSITORY NUMBER",
      description: "prints one with its text, from the forge",
      check: ([, number = ""]) => requireNumber(number),
      async run({ client, args: [name = "", number = ""], print }) {
        const { id } = await findRepository(client, name);
        const pull = await client.repository(id).pullRequest(Number(number));
        print(pull, `${lineOf(pull)}\n${harmless(pull.webUrl)}\n\n${harmless(pull.body)}`);
      },
    }),
    status: verb({
      arguments: "TASK",
      description: "shows that of a task: its checks, comments and reviewers",
      options: { read: { type: "boolean", description: "reads it from the forge before" } },
      async run({ client, args: [id = ""], values, print }) {
        await findTask(client, id);
        const task = client.task(id);
        const view = await (values.read === true ? task.readPullRequest() : task.publication());
        print(view, publicationText(view, id));
      },
    }),
    merge: verb({
      arguments: "TASK",
      description: "merges that of a task, as it was read last",
      options: { squash: { type: "boolean", description: "as one commit" } },
      async run({ client, args: [id = ""], values, print }) {
        await findTask(client, id);
        const method = values.squash === true ? "squash" : "merge";
        const view = await client.task(id).mergePullRequest({ method });
        print(view, publicationText(view, id));
      },
    }),
    address: verb({
      arguments: "TASK",
      description: "sends its comments and failed checks to the agent, those that it has not got yet",
      options: sessionOption,
      async run({ client, args: [id = ""], values, print }) {
        const session = sessionNamed(await findTask(client, id), values.session);
        const view = await client
          .task(id)
          .addressReview(session === undefined ? {} : { session: session.id });
        print(view, "Sent to the agent.");
      },
    }),
  },
});

function requireNumber(number: string): void {
  if (!/^[1-9]\d{0,14}$/.test(number)) throw new UsageError(`"${number}" is not a number`);
}

async function* pullsOf(
  client: StudioClient,
  id: string,
  state: PullRequestView["state"] | undefined,
  count: number,
): AsyncGenerator<PullRequestView> {
  let before: number | undefined;
  for (let left = count; left > 0; ) {
    const limit = Math.min(left, 200);
    const page = await client.repository(id).pullRequests({
      ...{ limit, ...(state === undefined ? {} : { state }) },
      ...(before === undefined ? {} : { before }),
    });
    yield* page;
    left -= page.length;
    before = page.at(-1)?.number;
    if (page.length < limit) return;
  }
}

function lineOf({
  number,
  state,
  title,
  headBranch,
}: Pick<PullRequestView, "number" | "state" | "title" | "headBranch">) {
  return `${`#${number}`.padEnd(7)} ${state.padEnd(6)}  ${harmless(title)}  (${harmless(headBranch)})`;
}

function publicationText({ pullRequest, problem, error, unaddressed }: PublicationView, id: string): string {
  const failure = error ?? problem;
  const failed =
    failure === undefined ? [] : [`${harmless(failure.message)} (${failure.group}.${failure.code})`];
  if (pullRequest === undefined) {
    return [...failed, `The task is not published. Publish it with: holdfast publish ${id}`].join("\n");
  }
  const { checkList, comments, reviewers } = pullRequest;
  return [
    pullRequestText(pullRequest),
    ...(reviewers.length === 0 ? [] : [`Reviewers: ${harmless(reviewers.join(", "))}`]),
    ...checkList.map(({ name, status }) => `  ${status.padEnd(8)} ${harmless(name)}`),
    ...comments.map(({ author, body }) => `  ${harmless(author)}: ${harmless(body)}`),
    ...(unaddressed === 0 ? [] : [`${unaddressed} not sent to the agent yet: holdfast pulls address ${id}`]),
    ...failed,
  ].join("\n");
}
