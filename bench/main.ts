/**
 * `npm run bench [-- [--record] [<group>] [<filter>...]]`: runs every scenario, or those of one group, or those whose
 * name contains one of the filters. Exits with 1 when one fails or is under its floor. Only ratios of one run can be
 * compared between machines. Samples are saved in `.cache/bench`; `--record` writes them into performance.md.
 */
import { fork } from "node:child_process";
import { ensureSystemPackages } from "../tools/system-packages.ts";
import { groups } from "./groups.ts";
import { keepSamples, printOutcome } from "./internal/report.ts";
import { holds, type Outcome, type Scenario } from "./internal/scenario.ts";
import { recordResults } from "./results.ts";

const defaultTimeoutMs = 120_000;

function runScenario(group: string, scenario: Scenario): Promise<Outcome | { readonly error: string }> {
  const module = new URL("./internal/scenario-process.ts", import.meta.url);
  const quiet = ["--disable-warning=ExperimentalWarning"];
  const child = fork(module, [group, scenario.name], {
    execArgv: [...quiet, ...(scenario.execArgv ?? [])],
    // A process group of its own, which its servers are in too: none of them outlives its end.
    detached: true,
  });
  const endGroup = () => endProcessGroup(child.pid);
  process.once("exit", endGroup);
  const { promise, resolve } = Promise.withResolvers<Outcome | { readonly error: string }>();
  const timeoutMs = scenario.timeoutMs ?? defaultTimeoutMs;
  const deadline = setTimeout(() => {
    resolve({ error: `It had not ended after ${timeoutMs} ms` });
    endGroup();
  }, timeoutMs);
  child.once("message", (outcome) => resolve(outcome as Outcome | { readonly error: string }));
  child.once("error", (error) => resolve({ error: error.message }));
  child.once("exit", (code, signal) => resolve({ error: `Its process ended with ${signal ?? code}` }));
  return promise.finally(() => {
    clearTimeout(deadline);
    process.off("exit", endGroup);
  });
}

function endProcessGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch {
    // ESRCH: all of it has ended.
  }
}

async function main(args: readonly string[]): Promise<void> {
  const words = args.filter((word) => word !== "--record");
  const only = words.find((word) => groups[word] !== undefined);
  const filters = words.filter((word) => word !== only);
  await ensureSystemPackages(
    (only === undefined ? Object.keys(groups) : [only]).map((name) => `bench/${name}`),
  );
  const failures: string[] = [];
  let ran = 0;
  for (const [group, load] of Object.entries(groups)) {
    if (only !== undefined && group !== only) continue;
    for (const scenario of await load()) {
      if (filters.length > 0 && !filters.some((filter) => scenario.name.includes(filter))) continue;
      ran++;
      const title = `${group}/${scenario.name}`;
      const outcome = await runScenario(group, scenario);
      keepSamples(group, scenario.name, outcome);
      if ("error" in outcome) {
        console.log(`${title}\n  FAILED ${outcome.error}`);
        failures.push(title);
        continue;
      }
      printOutcome(title, outcome);
      for (const floor of outcome.floors) if (!holds(floor)) failures.push(`${title} (${floor.name})`);
    }
  }
  if (ran === 0) {
    const names = Object.keys(groups).join(", ");
    throw new Error(`No scenario has a name with ${filters.join(" or ")}. The groups are ${names}.`);
  }
  if (args.includes("--record")) await recordResults();
  if (failures.length === 0) return;
  console.error(`under the floor: ${failures.join("; ")}`);
  process.exitCode = 1;
}

// Only what ends by itself runs the handlers of "exit".
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));
await main(process.argv.slice(2));
