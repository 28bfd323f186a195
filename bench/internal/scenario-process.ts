/** Process of one scenario: `scenario-process.ts <group> <name>`. Sends the outcome to its parent. */
import { groups } from "../groups.ts";
import type { Outcome } from "./scenario.ts";

const [group = "", name = ""] = process.argv.slice(2);

async function run(): Promise<Outcome | { readonly error: string }> {
  try {
    const scenarios = await groups[group]?.();
    const scenario = scenarios?.find((each) => each.name === name);
    if (scenario === undefined) throw new Error(`Group ${group} has no scenario ${name}`);
    return await scenario.run();
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}

const outcome = await run();
process.send?.(outcome, () => process.exit());
