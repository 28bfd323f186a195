/** `holdfast checks`: the checks of a task and their results. */
import { harmless, jsonLine, oneArgument, parse, UsageError } from "@holdfast/cli";
import { HoldfastError } from "@holdfast/core";
import type { CheckRun, ChecksView, CheckView, StudioClient } from "@holdfast/studio";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { findTask } from "../tasks/find-task.ts";
import { sessionNamed } from "../tasks/task-sessions.ts";

export const checksUsage = `holdfast checks TASK [--run NAME | --all | --stop | --send NAME] [options]

Shows the checks of a task, which .holdfast/environment.yaml of its repository names, and their results.

  --run NAME  runs this check in a jail with the files of the task, and prints its output
  --all       runs all of them, one after the other
  --stop      ends the one that runs, and those that wait
  --send NAME sends the failure of this check to the agent; --session NAME chooses which one
  --organization ID  an organization besides the first one, by its id or name
  --data DIR  data directory (default: HOLDFAST_DATA or .holdfast)
  --json      machine-readable output

Exit code: 0 if what ran has passed, 1 if not.`;

export async function checksCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    ...{ run: { type: "string" }, all: { type: "boolean" }, stop: { type: "boolean" } },
    ...{ send: { type: "string" }, session: { type: "string" } },
  } as const);
  if (values.help === true) {
    console.log(checksUsage);
    return 0;
  }
  const id = oneArgument(positionals, "The task's id");
  const { run, all, stop, send, session } = values;
  if ([run, all, stop, send].filter((each) => each !== undefined).length > 1)
    throw new UsageError("--run, --all, --stop and --send do not go together");
  if (session !== undefined && send === undefined) throw new UsageError("--session is only for --send");
  const json = values.json === true;
  return withOwnerAccess({ data: values.data, organization: values.organization }, async ({ client }) => {
    const task = await findTask(client, id);
    if (send !== undefined) {
      const to = sessionNamed(task, session);
      await client.task(id).sendCheck(send, to === undefined ? {} : { session: to.id });
      console.log(json ? jsonLine({ sent: send }) : "Sent to the agent.");
      return 0;
    }
    if (stop === true) {
      const view = await client.task(id).stopChecks();
      if (json) console.log(jsonLine(view));
      else printChecks(view);
      return 0;
    }
    if (values.run === undefined && values.all !== true) {
      const view = await client.task(id).checks();
      if (json) console.log(jsonLine(view));
      else printChecks(view);
      return 0;
    }
    const view = await runChecks(client, id, values.run, json);
    if (json) console.log(jsonLine(view));
    const ran = view.checks.filter(({ name }) => values.run === undefined || name === values.run);
    return ran.every(({ runs: [newest] }) => newest?.state === "passed") ? 0 : 1;
  });
}

/** Runs checks to their end, and prints their output as it comes. */
async function runChecks(
  client: StudioClient,
  id: string,
  name: string | undefined,
  json: boolean,
): Promise<ChecksView> {
  const task = client.task(id);
  const ended = Promise.withResolvers<void>();
  const names = new Set<string>();
  const printed = new Map<string, CheckRun["state"]>();
  const follow = (
    check: Pick<CheckView, "name"> & { readonly runs: readonly Omit<CheckRun, "output">[] },
  ) => {
    const [newest] = check.runs;
    if (newest === undefined || !names.has(check.name)) return;
    if (printed.get(check.name) !== newest.state && !json) {
      if (newest.state === "running") console.log(`${check.name}: running`);
      else if (newest.state !== "waiting") console.log(`${check.name}: ${resultOf(newest)}`);
    }
    printed.set(check.name, newest.state);
    if ([...names].every((each) => isEnded(printed.get(each)))) ended.resolve();
  };
  const subscriptions = [
    await task.on("checkOutput", ({ name: from, text }) => {
      if (!json && names.has(from)) process.stdout.write(harmless(text));
    }),
    await task.on("checksChanged", follow, () => {
      task.checks().then(({ checks }) => checks.forEach(follow), ended.reject);
    }),
  ];
  try {
    const before = await task.checks();
    for (const check of before.checks) if (name === undefined || check.name === name) names.add(check.name);
    const { checks } = await task.runChecks(name === undefined ? undefined : [name]);
    checks.forEach(follow);
    await ended.promise;
    return await task.checks();
  } finally {
    for (const each of subscriptions) await each.close();
  }
}

function isEnded(state: CheckRun["state"] | undefined): boolean {
  return state !== undefined && state !== "waiting" && state !== "running";
}

function printChecks({ checks, problem, source }: ChecksView): void {
  if (problem !== undefined) throw new HoldfastError(problem.group, problem.code, problem.message);
  if (checks.length === 0) {
    console.log(`The repository names no checks. Add "checks" to ${source ?? ".holdfast/environment.yaml"}.`);
    return;
  }
  for (const { name, runs } of checks) {
    const [newest] = runs;
    console.log(`${name}: ${newest === undefined ? "not run" : resultOf(newest)}`);
    for (const { path, line, message } of newest?.problems ?? [])
      console.log(harmless(`  ${path}:${line}  ${message}`));
  }
}

function resultOf({ state, reason, staleAt, isMoved }: Omit<CheckRun, "output">): string {
  const why = reason === undefined ? "" : ` (${reason})`;
  const about =
    staleAt !== undefined
      ? `, stale since ${new Date(staleAt).toISOString()}`
      : isMoved === true
        ? ", and the files changed while it ran"
        : "";
  return `${state}${why}${about}`;
}
