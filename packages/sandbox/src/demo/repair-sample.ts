import { readFile } from "node:fs/promises";
import type { Turn } from "./turn.ts";

/** The defect of the bundled sample repository. Without a model, the demo agent could not find another one. */
const defect = { path: "src/slugify.ts", wrong: "/[^a-z0-9]/g", right: "/[^a-z0-9]+/g" };
const tests = "node --test";

/** Repairs the sample repository as an agent would: runs its tests, changes the code and runs them again. False for any other. */
export async function repairSample(turn: Turn, ask: boolean): Promise<boolean> {
  const path = turn.resolveInside(defect.path);
  const oldText = await readFile(path, "utf8").catch(() => "");
  if (!oldText.includes(defect.wrong)) return false;
  const steps = ["Run the tests", "Find the cause", "Fix it", "Run the tests again"];
  turn.plan(steps, 0);
  await turn.think("Let me see which test fails.");
  await turn.run(tests, false);
  turn.plan(steps, 1);
  await turn.read(path);
  await turn.say(
    "Each mark becomes a dash of its own, so a comma and a space become two dashes. Marks that follow each other have to become one. ",
  );
  if (turn.session.mode === "plan") {
    await turn.say("This is the plan; I have changed nothing. ");
    return true;
  }
  turn.plan(steps, 2);
  const newText = oldText.replace(defect.wrong, defect.right);
  if (!(await turn.edit({ path, oldText, newText }, ask))) {
    await turn.say("You said no, so I left everything as it was. ");
    return true;
  }
  turn.plan(steps, 3);
  const exitCode = await turn.run(tests, false);
  turn.plan(steps, 4);
  await turn.say(exitCode === 0 ? "All tests pass now. " : "The tests still fail. ");
  return true;
}
