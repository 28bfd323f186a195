/** The steps of one attempt: read the issue, copy the repository, let the agent work, push, open the pull request. */
import { rmSync } from "node:fs";
import { event, queue } from "holdfast";
import type { WorkflowContext } from "holdfast/workflow";
import { checkOut, openSession, prompt, readPatch } from "./computer.ts";
import { comment, defaultBranch, type Issue, openPullRequest, readIssue } from "./forge.ts";
import { computerOf, enter, type JobState, note, report, requireGoing, say } from "./progress.ts";
import type { EndStatus, JobView, NumberedLine, Start } from "./report.ts";
import { fetchBase, pushChange } from "./repository.ts";
import { limits, publicUrl } from "./settings.ts";
import { brief, commitMessage, pullRequestBody } from "./words.ts";

export const events = { line: event<NumberedLine>(), changed: event<JobView>() };
// Only the board starts jobs. It sends inside this process, where nobody is asked who they are.
export const queues = { starts: queue<Start>({ canPublish: (c) => c.conn?.auth !== "person" }) };

export type Scope = WorkflowContext<
  JobState,
  unknown,
  undefined,
  undefined,
  unknown,
  undefined,
  typeof events,
  typeof queues
>;

/** A forge may be away for some minutes. */
export const patient = {
  ...{ maxRetries: 8, retryBackoffBase: 500, retryBackoffMax: 60_000 },
  ...{ timeout: 10 * 60_000, retryOnTimeout: true },
};

export interface Worked {
  readonly status: EndStatus;
  readonly words: string;
}

/** Where the files of an attempt are on the agent's computer. */
const folderOf = ({ attempt }: Start) => `attempt-${attempt}`;

export async function work(scope: Scope, start: Start): Promise<Worked> {
  const issue = await readTheIssue(scope, start);
  const base = await copyRepository(scope, start);
  const said = await letAgentWork(scope, start, issue);
  const patch = await scope.step({
    ...{ name: "read the change", ...patient },
    run: async (c) => {
      enter(c, "push");
      const text = await readPatch(computerOf(c), folderOf(start), base.root);
      if (text === "") return undefined;
      const { hash } = await c.blob.put(new TextEncoder().encode(text));
      c.state.patch = hash;
      return hash;
    },
  });
  if (patch === undefined) return { status: "unchanged", words: `I found nothing to change. ${said}` };
  const head = await push(scope, start, issue, { commit: base.commit, patch });
  const pull = await scope.step({
    ...{ name: "open the pull request", ...patient },
    run: async (c) => {
      enter(c, "pull request");
      const { repository, number } = start.delivery;
      const body = pullRequestBody(number, said);
      const opened = await openPullRequest(repository, { head, base: base.branch, title: issue.title, body });
      c.state.pullUrl = opened.url;
      return opened;
    },
  });
  return { status: "done", words: `I opened #${pull.number}. Please review it.` };
}

async function readTheIssue(scope: Scope, { delivery, attempt }: Start): Promise<Issue> {
  return await scope.step({
    ...{ name: "read the issue", ...patient },
    run: async (c) => {
      enter(c, "prepare");
      const { repository, number } = delivery;
      const { title, body } = await readIssue(repository, number);
      c.state.title = title;
      report(c, "running");
      const where = publicUrl === "" ? "" : ` Follow it at ${publicUrl}/#${c.key[0]}.`;
      await comment(repository, number, `${c.key[0]} ${attempt} start`, `I am working on this.${where}`);
      return { title, body: body.slice(0, limits.maxIssueLength) };
    },
  });
}

async function copyRepository(scope: Scope, start: Start) {
  return await scope.step({
    ...{ name: "copy the repository", ...patient },
    run: async (c) => {
      enter(c, "prepare");
      const { repository } = start.delivery;
      c.state.folder = folderOf(start);
      const branch = await defaultBranch(repository);
      const { commit, bundle, root } = await fetchBase(repository, branch);
      try {
        await checkOut(computerOf(c), folderOf(start), bundle, root);
      } finally {
        rmSync(bundle, { force: true });
      }
      say(c, "step", `${branch} of ${repository} is on the computer of the agent`);
      return { branch, commit, root };
    },
  });
}

/** Interrupted by a crash, the agent goes on in its session, with the files as it left them. */
async function letAgentWork(scope: Scope, start: Start, issue: Issue): Promise<string> {
  return await scope.step({
    ...{ name: "let the agent work", maxRetries: 2, timeout: limits.minutes * 60_000 },
    run: async (c) => {
      enter(c, "agent");
      const machine = computerOf(c);
      const isRepeated = c.state.sessionId !== undefined;
      if (isRepeated) say(c, "step", "The agent was interrupted, and goes on");
      const sessionId = await openSession(machine, folderOf(start), c.state.sessionId);
      c.state.sessionId = sessionId;
      // At the time limit of the step. A turn that has ended by then needs no end.
      const stop = () => void machine.cancelPrompt(sessionId).catch(() => {});
      c.abortSignal.addEventListener("abort", stop, { once: true });
      const words = brief(start.delivery, issue, isRepeated);
      const outcome = await prompt(machine, sessionId, words, (activity) => note(c, activity));
      c.state.tokens += outcome.tokens;
      c.state.dollars += outcome.dollars;
      requireGoing(c);
      return outcome.text;
    },
  });
}

async function push(
  scope: Scope,
  start: Start,
  { title }: Issue,
  change: { readonly commit: string; readonly patch: string },
): Promise<string> {
  return await scope.step({
    ...{ name: "push", ...patient },
    run: async (c) => {
      enter(c, "push");
      const { repository, number } = start.delivery;
      const id = c.key[0]?.slice(0, 8);
      const branch = `bot/issue-${number}-${id}${start.attempt > 1 ? `-${start.attempt}` : ""}`;
      const patch = await new Response(await c.blob.get(change.patch)).text();
      const message = commitMessage(title, number);
      await pushChange(repository, branch, {
        ...{ base: change.commit, patch, message, createdAt: start.startedAt },
      });
      c.state.branch = branch;
      say(c, "step", `Pushed ${branch}`);
      return branch;
    },
  });
}
