import { toolCommand } from "./command.ts";
import { signatureOf, toFlags } from "./flags.ts";
import type { HostTools, NamedKit } from "./tool-kit.ts";

/** What an agent is told of the tools of its machine; one line a tool, since `--help` has the rest. */
export function toolReference({ kits }: HostTools): string {
  return [
    "# Host tools",
    `These commands call functions outside of this machine. A result is JSON on standard output, an error JSON on standard error with exit code 1. \`${toolCommand} list-tools\` lists them.`,
    ...[...kits.values()].map(kitReference),
  ].join("\n\n");
}

function kitReference({ name, description, tools }: NamedKit): string {
  const command = `${toolCommand}-${name}`;
  const lines = [...tools.values()].flatMap((tool) => [
    `- \`${join(command, tool.name, signatureOf(tool.flags))}\`: ${tool.description}`,
    ...(tool.examples ?? []).map(
      (example) =>
        `  - ${example.description}: \`${join(command, tool.name, toFlags(tool.flags, example.input))}\``,
    ),
  ]);
  return [
    `## ${name}`,
    description,
    [...lines, `- \`${command} TOOL --help\`: the flags of a tool`].join("\n"),
  ].join("\n\n");
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join(" ");
}
