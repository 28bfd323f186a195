import { stripVTControlCharacters } from "node:util";
import type { CheckRun } from "../../contract/checks.ts";
import { studioLimits } from "../../limits.ts";

/** The failure of a check as a prompt: the command, how it ended, and the end of its output. */
export function checkPrompt(name: string, command: string, run: CheckRun): string {
  const whole = stripVTControlCharacters(run.output).trim();
  const output = whole.slice(-studioLimits.maxCheckPrompt);
  const isCut = output.length < whole.length || run.outputEnd > run.output.length;
  const longest = Array.from((command + output).matchAll(/`+/g), ([ticks]) => ticks.length).reduce(
    (a, b) => Math.max(a, b),
    2,
  );
  const fence = "`".repeat(longest + 1);
  const how = run.state === "timed-out" ? "did not end in time" : `failed (${run.reason ?? "no reason"})`;
  return [
    `The check ${JSON.stringify(name)} ${how}. Its command is:`,
    `${fence}sh\n${command.trim()}\n${fence}`,
    output === "" ? "It wrote nothing." : `${isCut ? "The end of its output" : "Its output"}:`,
    ...(output === "" ? [] : [`${fence}\n${output}\n${fence}`]),
    "Find the cause, correct it, and make the check pass.",
  ].join("\n\n");
}
