import { resolve } from "node:path";
import { dataDirectoryOf, jsonLine, oneArgument, parse, UsageError } from "@holdfast/cli";
import { commandHint } from "../../command-hint.ts";
import type { AttemptInput } from "../../contract.ts";
import { findRepository } from "../repositories/repositories.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";

export const newUsage = `holdfast new --repo PATH [--agent NAME | --attempts NAME,NAME...] "prompt"

Starts a task and prints its id. With --attempts, several agents try the same prompt in parallel, each in a
copy of its own; keep the best with "holdfast tasks keep". An agent may be named more than once.

  --repo PATH        a local git repository, the id of a connected one, or "sample" (default: the current
                     directory)
  --pull NUMBER      starts from a pull request, also one of a fork; --repo is then the name of a connected repository
  --on TASK          starts on top of a task with an open pull request, from its branch
  --agent NAME       an agent of "holdfast agents list" (default: demo)
  --attempts NAMES   2 to 8 agents, separated by commas, each with its options if you like:
                     claude,codex:model=gpt-5.5:mode=auto
  --from-head        start from the last commit even if there are uncommitted changes
  --organization ID  an organization besides the first one, by its id or name
  --data DIR         data directory (default: HOLDFAST_DATA or .holdfast)
  --json             machine-readable output`;

export async function newCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    ...{ repo: { type: "string" }, agent: { type: "string" }, attempts: { type: "string" } },
    ...{ "from-head": { type: "boolean" }, pull: { type: "string" }, on: { type: "string" } },
  } as const);
  if (values.help === true) {
    console.log(newUsage);
    return 0;
  }
  const prompt = oneArgument(positionals, "The prompt");
  if (prompt.trim() === "") throw new UsageError("The prompt is empty");
  const [{ agent, options }, ...attempts] = agentsOf(values.agent, values.attempts);
  const pullRequest = pullOf(values.pull, values.repo);
  if (values.on !== undefined && (values.repo !== undefined || pullRequest !== undefined))
    throw new UsageError("--on has the repository and the branch: leave --repo and --pull out");
  const folder = repositoryOf(values.repo);
  return withOwnerAccess(
    { data: values.data, organization: values.organization, runTasks: false },
    async (owner) => {
      const repository =
        pullRequest === undefined ? folder : (await findRepository(owner.client, values.repo ?? "")).id;
      const task = await owner.client.organization.createTask({
        ...{ repository, agent, prompt },
        ...(pullRequest === undefined ? {} : { pullRequest }),
        ...(values.on === undefined ? {} : { onTask: values.on }),
        ...(options === undefined ? {} : { options }),
        ...(attempts.length === 0 ? {} : { attempts }),
        ...(values["from-head"] === true ? { fromHead: true } : {}),
      });
      console.log(values.json === true ? jsonLine(task) : task.id);
      if (!owner.isPersistent && values.json !== true)
        process.stderr.write(
          `No server is running. The task begins at the next start: ${commandHint("start", dataDirectoryOf(values.data))}\n`,
        );
      return 0;
    },
  );
}

/** Throws a usage error. */
function pullOf(given: string | undefined, repository: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  if (!/^[1-9]\d{0,14}$/.test(given)) throw new UsageError(`"${given}" is not a number`);
  if (repository === undefined)
    throw new UsageError("--pull needs --repo with the name of a connected repository");
  return Number(given);
}

/** What `--repo` names: a connected repository by its id, or a folder. */
export function repositoryOf(given = "."): string {
  const isId = /^(?:[a-z0-9]+_)?[0-9a-f]{8}-[0-9a-f-]{27}$/.test(given);
  return given === "sample" || isId ? given : resolve(given);
}

/** The agents of all attempts, the first one first, each with its options. Throws a usage error. */
export function agentsOf(
  agent: string | undefined,
  attempts: string | undefined,
): readonly [AttemptInput, ...AttemptInput[]] {
  if (attempts === undefined) return [{ agent: agent ?? "demo" }];
  if (agent !== undefined) throw new UsageError("--agent and --attempts exclude each other");
  const [first = { agent: "" }, ...others] = attempts.split(",").map((text) => attemptOf(text.trim()));
  if (others.length === 0 || others.length > 7 || [first, ...others].some((each) => each.agent === ""))
    throw new UsageError("--attempts needs 2 to 8 agents, separated by commas");
  return [first, ...others];
}

/** `codex:model=gpt-5.5:mode=auto` */
function attemptOf(text: string): AttemptInput {
  const [agent = "", ...choices] = text.split(":");
  if (choices.length === 0) return { agent };
  const options = choices.map((choice) => {
    const at = choice.indexOf("=");
    if (at < 1) throw new UsageError(`"${choice}" is no option of an agent. Write OPTION=VALUE.`);
    return [choice.slice(0, at), choice.slice(at + 1)] as const;
  });
  return { agent, options: Object.fromEntries(options) };
}
