/** `holdfast environments`: shows, prepares and stops the environment of a repository. */
import { resolve } from "node:path";
import { harmless, jsonLine, noArguments, parse, UsageError, verbOf } from "@holdfast/cli";
import type { EnvironmentView, RepositoryEnvironment, StudioClient } from "@holdfast/studio";
import { jailOptions, jailUsage, parseJailChoice } from "../server/jail-choice.ts";
import { organizationOption, withOwnerAccess } from "../server/owner.ts";
import { prepareJails } from "../server/prerequisites.ts";

export const environmentsUsage = `holdfast environments show | prepare | stop [--repo PATH]

  show         shows what the repository's last commit asks for, and whether it is prepared
  prepare      prepares it, and prints the output of its steps; does nothing if it is prepared
  stop         ends a running preparation
  --repo PATH  a local git repository, or "sample" (default: the current directory)
  --again      with prepare: prepares it anew
${jailUsage}
  --organization ID  an organization besides the first one, by its id or name
  --data DIR   data directory (default: HOLDFAST_DATA or .holdfast)
  --json       machine-readable output

Exit code: 0 done, 1 the environment could not be prepared, 2 wrong usage.`;

export async function environmentsCommand(args: readonly string[]): Promise<number> {
  const { values, positionals } = parse(args, {
    ...organizationOption,
    repo: { type: "string" },
    again: { type: "boolean" },
    ...jailOptions,
  });
  const [given, ...rest] = positionals;
  if (values.help === true) {
    console.log(environmentsUsage);
    return 0;
  }
  const verb = verbOf("environments", ["show", "prepare", "stop"], given);
  noArguments(rest);
  if (values.again === true && verb !== "prepare") throw new UsageError("--again is only for prepare");
  const repository = values.repo === "sample" ? "sample" : resolve(values.repo ?? ".");
  const json = values.json === true;
  const jails = parseJailChoice(values);
  if (verb === "prepare") await prepareJails(jails);
  const runTasks = verb === "prepare" ? "new" : false;
  return withOwnerAccess(
    { data: values.data, organization: values.organization, jails, runTasks },
    async ({ client }) => {
      if (verb === "prepare") return prepare(client, repository, values.again === true, json);
      const found = await client.organization.environment(repository);
      if (verb === "stop") {
        await stopPreparations(client, found);
        console.log(json ? jsonLine({ stopped: found.latest?.status === "preparing" }) : stopText(found));
      } else if (json) console.log(jsonLine(found));
      else show(found);
      return 0;
    },
  );
}

/** On several nodes, each prepares for itself: the next one that does is shown when one was stopped. */
export async function stopPreparations(
  client: Pick<StudioClient, "environment" | "organization">,
  found: RepositoryEnvironment,
): Promise<void> {
  const stopped = new Set<string>();
  for (let { latest } = found; latest?.status === "preparing" && !stopped.has(latest.id); ) {
    await client.environment(latest.id).stop();
    stopped.add(latest.id);
    ({ latest } = await client.organization.environment(found.repository));
  }
}

function stopText({ latest }: RepositoryEnvironment): string {
  return latest?.status === "preparing" ? "Stopped." : "The environment is not being prepared.";
}

function show({
  repository,
  source,
  problem,
  steps,
  services,
  inputs,
  notSupported,
  isPrepared,
  latest,
}: RepositoryEnvironment): void {
  if (source === undefined) {
    console.log(
      `${harmless(repository)} has no environment. Describe it in .holdfast/environment.yaml, and commit it.`,
    );
    return;
  }
  const state =
    isPrepared === true ? "prepared" : latest?.status === "preparing" ? "being prepared" : "not prepared";
  console.log(`${harmless(repository)}: ${problem === undefined ? state : "not valid"} (${source})`);
  if (problem !== undefined) console.log(harmless(problem.message));
  for (const [title, entries] of Object.entries({ steps, services, inputs, "not supported": notSupported }))
    if (entries !== undefined && entries.length > 0)
      console.log(`  ${title}: ${harmless(entries.join(", "))}`);
  if (latest?.error !== undefined) console.log(harmless(latest.error.message));
}

async function prepare(
  client: StudioClient,
  repository: string,
  again: boolean,
  json: boolean,
): Promise<number> {
  const { id = "", isPrepared } = await client.organization.prepareEnvironment(repository, { again });
  const printer = new StepPrinter(json);
  const ended = Promise.withResolvers<EnvironmentView>();
  let reading = Promise.resolve();
  // Each event says that there is more: what it is, is read from the environment, in order.
  const look = () => {
    reading = reading.then(async () => {
      const view = await client.environment(id).get();
      printer.print(view);
      if (view.status !== "preparing") ended.resolve(view);
    });
    reading.catch(ended.reject);
  };
  if (isPrepared === true && !again) {
    console.log(json ? jsonLine(await client.environment(id).get()) : "The environment is prepared.");
    return 0;
  }
  const watch = await client.environment(id).on("changed", look, look);
  const output = await client.environment(id).on("output", look, look);
  try {
    look();
    const view = await ended.promise;
    if (json) console.log(jsonLine(view));
    else
      console.log(view.error === undefined ? "The environment is prepared." : harmless(view.error.message));
    return view.status === "ready" ? 0 : 1;
  } finally {
    await Promise.all([watch.close(), output.close()]);
  }
}

/** Prints what a view has and the one before it had not. */
class StepPrinter {
  readonly #json: boolean;
  /** Position of the next character of each step's output; undefined before its heading. */
  readonly #printed: (number | undefined)[] = [];

  constructor(json: boolean) {
    this.#json = json;
  }

  print({ steps }: EnvironmentView): void {
    if (this.#json) return;
    for (const [index, { name, state, output, outputEnd }] of steps.entries()) {
      if (state === "waiting") continue;
      if (this.#printed[index] === undefined) console.log(`== ${harmless(name)}`);
      const start = Math.max(this.#printed[index] ?? 0, outputEnd - output.length);
      const fresh = output.slice(output.length - (outputEnd - start));
      if (start < outputEnd) process.stdout.write(fresh.split("\n").map(harmless).join("\n"));
      this.#printed[index] = outputEnd;
    }
  }
}
