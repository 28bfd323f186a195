import { dataDirectoryOf, harmless, jsonLine, oneArgument, parse, UsageError } from "@holdfast/cli";
import type { GroupEventView, StudioClient, TaskError } from "@holdfast/studio";
import { commandHint } from "../../command-hint.ts";
import { jailOptions, jailUsage, parseJailChoice } from "../server/jail-choice.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { prepareJails } from "../server/prerequisites.ts";
import { approvalModeOf, TaskRun } from "./task-run.ts";

export const promptUsage = `holdfast prompt [--group NAME] [--follow] [options] "text"

Queues a prompt for a group of groups.json. It is durable when the command returns, and starts a turn
after the earlier events. The jail options apply only if no server is running.

  --group NAME       the group (default: default)
  --follow           waits for its turn, and prints the agent's work live
  --id TEXT          idempotency key: a prompt with the same id is queued once
  --approve WHAT     with --follow: ask (default), allow or deny, as for holdfast run
${jailUsage}
  --organization ID  an organization besides the first one, by its id or name
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             one JSON object per line: the event, then the session's events

Exit code: 0 done (without --follow: queued), 1 the agent failed or was stopped (Ctrl-C, SIGTERM, SIGHUP), 2 wrong usage.`;

export async function promptCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    group: { type: "string" },
    follow: { type: "boolean" },
    id: { type: "string" },
    approve: { type: "string" },
    ...jailOptions,
  });
  if (values.help === true) {
    console.log(promptUsage);
    return 0;
  }
  const text = oneArgument(positionals, "The prompt");
  if (text.trim() === "") throw new UsageError("The prompt is empty");
  const approve = approvalModeOf(values.approve);
  const json = values.json === true;
  const jails = parseJailChoice(values);
  const follow = values.follow === true;
  // Without --follow, this command would not see the turn that the answer is for.
  if (values.approve !== undefined && !follow) throw new UsageError("--approve requires --follow");
  await prepareJails(jails);
  return withOwnerAccess(
    { data: values.data, organization: values.organization, jails, runTasks: follow },
    async (owner) => {
      const name = values.group ?? "default";
      const group = owner.client.group(name);
      const accepted = await group.prompt(text, values.id === undefined ? {} : { id: values.id });
      if (json) console.log(jsonLine({ type: "event", event: accepted }));
      else
        process.stderr.write(
          `Event ${accepted.seq} of ${name}${accepted.duplicate ? ", already accepted" : ""}\n`,
        );
      if (!follow) {
        if (!owner.isPersistent && !json)
          process.stderr.write(
            `No server is running. The task continues at the next start: ${commandHint("start", dataDirectoryOf(values.data))}\n`,
          );
        return 0;
      }
      const started = await waitForStart(owner.client, name, accepted.seq, json);
      if (started.taskId === undefined) {
        const { error } = started;
        process.stderr.write(`${harmless(error === undefined ? started.state : formatError(error))}\n`);
        return 1;
      }
      const run = new TaskRun(owner.client, started.taskId, approve, json, started.fromSeq ?? 0);
      const ended = await run.waitForEnd();
      return ended.status === "idle" && !run.wasStopped ? 0 : 1;
    },
  );
}

/** Resolves with the event once its turn has started, or once it has failed or finished without one. */
async function waitForStart(
  client: StudioClient,
  name: string,
  seq: number,
  json: boolean,
): Promise<GroupEventView> {
  const group = client.group(name);
  const started = Promise.withResolvers<GroupEventView>();
  let reportedAttempt = "";
  const onChange = (view: GroupEventView) => {
    if (view.seq > seq) return;
    if (view.state !== "waiting") {
      if (view.seq === seq) started.resolve(view);
      return;
    }
    // An event that waits for a retry blocks the ones behind it, so report that too.
    const attempt = `${view.seq}.${view.attempts ?? 0}`;
    if (view.error === undefined || reportedAttempt === attempt) return;
    reportedAttempt = attempt;
    printDelay(view, view.error, json);
  };
  const refetch = () =>
    void group.get().then(({ events }) => {
      for (const view of events) onChange(view);
    }, started.reject);
  const watch = await group.on("changed", onChange, refetch);
  try {
    const { events, waiting, running } = await group.get();
    for (const view of events) onChange(view);
    if (!json && running !== undefined && running < seq)
      process.stderr.write(`Waiting for its turn; ${waiting} events are queued\n`);
    return await started.promise;
  } finally {
    await watch.close();
  }
}

/** Reports why an event has not started. It stays queued until the user fixes the cause. */
function printDelay(event: GroupEventView, error: TaskError, json: boolean): void {
  if (json) {
    console.log(jsonLine({ type: "delayed", event }));
    return;
  }
  const { seq, retryAt } = event;
  const retryTime = retryAt === undefined ? "later" : `at ${new Date(retryAt).toLocaleTimeString("en-GB")}`;
  process.stderr.write(
    `Event ${seq} could not start yet: ${harmless(formatError(error))}; next attempt ${retryTime}\n`,
  );
}

function formatError({ group, code, message }: TaskError): string {
  return `${message} (${group}.${code})`;
}
