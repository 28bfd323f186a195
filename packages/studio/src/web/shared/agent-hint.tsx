import { Command } from "./command.tsx";

/** What to do about an agent; a hint that is a command can be copied. */
export function AgentHint({ hint }: { readonly hint: string }) {
  const command = /^Run: (.+)$/.exec(hint)?.[1];
  return command === undefined ? <p className="agent-hint">{hint}</p> : <Command text={command} />;
}
