/** What the bot says: to the agent, in commits and in pull requests. */
import type { Issue } from "./forge.ts";
import type { Delivery } from "./report.ts";

const maxTitle = 72;
const maxSummary = 4_000;

/** The prompt. What people wrote comes first and stays marked as theirs. */
export function brief({ repository, number, request }: Delivery, issue: Issue, isRepeated: boolean): string {
  return [
    ...(isRepeated ? ["You were interrupted. Look at what is done already, and go on."] : []),
    issue.title,
    ...(issue.body.trim() === "" ? [] : [issue.body.trim()]),
    ...(request === "" ? [] : [`Besides: ${request}`]),
    [
      `This is issue ${number} of ${repository}, of which you are in a copy.`,
      "Solve it here. Leave commits and branches alone, they are made when you are done.",
      "Say in the end, in a few sentences, what you have changed and how you checked it.",
    ].join(" "),
  ].join("\n\n");
}

export function commitMessage(title: string, number: number): string {
  return `${title.replaceAll(/\s+/g, " ").slice(0, maxTitle)}\n\nFixes #${number}\n`;
}

export function pullRequestBody(number: number, said: string): string {
  return `Fixes #${number}.\n\n${said.slice(0, maxSummary)}\n\nWritten by an agent: review it as you would a stranger's.`;
}
