import { dataDirectoryOf, jsonLine, oneArgument, parse, screenOf, UsageError } from "@holdfast/cli";
import { commandHint } from "../../command-hint.ts";
import { jailOptions, jailUsage, parseJailChoice } from "../server/jail-choice.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { prepareJails } from "../server/prerequisites.ts";
import { printDiff } from "./event-printer.ts";
import { repositoryOf } from "./new.ts";
import { approvalModeOf, TaskRun } from "./task-run.ts";

export const runUsage = `holdfast run --repo PATH --agent NAME [options] "prompt"

Runs one task on a local git repository and prints what the agent does, then the diff.
Your working tree is not changed, and nothing leaves the jail until you apply it. The jail options apply
only if no server is running.

  --repo PATH        a local git repository, the id of a connected one, or "sample" (default: the current
                     directory)
  --on TASK          starts on top of a task with an open pull request, from its branch, and without --repo
  --agent NAME       an agent of "holdfast agents list" (default: demo)
  --from-head        start from the last commit even if there are uncommitted changes
  --approve WHAT     ask (default), allow or deny: the answer to the agent's own questions.
                     Actions outside the jail are always asked about; without an answer they are denied.
                     Without a terminal, "ask" reads answers from standard input; at its end,
                     a question is allowed once in a jail, and denied without one
  --apply            apply the changes to a new branch at the end, unless the task was stopped
  --branch NAME      with --apply: the name of that branch
${jailUsage}
  --organization ID  an organization besides the first one, by its id or name
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             one JSON object per line: events, then the diff

Exit code: 0 done, 1 the agent failed or was stopped (Ctrl-C, SIGTERM, SIGHUP), 2 wrong usage.`;

export async function runCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    repo: { type: "string" },
    agent: { type: "string" },
    on: { type: "string" },
    "from-head": { type: "boolean" },
    approve: { type: "string" },
    apply: { type: "boolean" },
    branch: { type: "string" },
    ...jailOptions,
  });
  if (values.help === true) {
    console.log(runUsage);
    return 0;
  }
  const prompt = oneArgument(positionals, "The prompt");
  if (prompt.trim() === "") throw new UsageError("The prompt is empty");
  const approve = approvalModeOf(values.approve);
  if (values.branch !== undefined && values.apply !== true) throw new UsageError("--branch requires --apply");
  if (values.on !== undefined && values.repo !== undefined)
    throw new UsageError("--on has the repository: leave --repo out");
  const repository = repositoryOf(values.repo);
  const jails = parseJailChoice(values);
  await prepareJails(jails);
  return withOwnerAccess(
    { data: values.data, organization: values.organization, jails, runTasks: "new" },
    async (owner) => {
      const task = await owner.client.organization.createTask({
        repository,
        agent: values.agent ?? "demo",
        prompt,
        ...(values.on === undefined ? {} : { onTask: values.on }),
        ...(values["from-head"] === true ? { fromHead: true } : {}),
      });
      const run = new TaskRun(owner.client, task.id, approve, values.json === true);
      const ended = await run.waitForEnd();
      const diff = await owner.client.task(task.id).diff();
      if (values.json === true) console.log(jsonLine({ type: "diff", diff }));
      else printDiff(screenOf(process.stdout), diff);
      // A stopped turn may be incomplete, so its changes are only applied on request.
      if (values.apply === true && !run.wasStopped && diff.files.length > 0) {
        const applied = await owner.client
          .task(task.id)
          .apply(values.branch === undefined ? {} : { branch: values.branch });
        if (values.json === true) console.log(jsonLine({ type: "applied", applied }));
        else console.log(`Applied to branch ${applied.branch} (${applied.commit.slice(0, 12)})`);
      } else if (diff.files.length > 0 && values.json !== true) {
        process.stderr.write(
          `Put it on a branch: ${commandHint(`tasks apply ${task.id}`, dataDirectoryOf(values.data))}\n`,
        );
      }
      return ended.status === "idle" && !run.wasStopped ? 0 : 1;
    },
  );
}
