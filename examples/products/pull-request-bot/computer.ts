/** The agent's computer: a jail without a network and without a key, in which it works on a copy of the repository. */

import { open } from "node:fs/promises";
import { setup, UserError } from "holdfast";
import { agentOs } from "holdfast/agent-os";
import type { Client } from "holdfast/client";
import { CriticalError } from "holdfast/workflow";
import { agent, isJailed, limits } from "./settings.ts";

export const computer = agentOs({
  provider: isJailed ? "jail" : "local",
  // Jobs reach it inside this process, where nothing is asked; nobody else has a reason to.
  onAuth: () => {
    throw new UserError("Computers of jobs are not open to callers", { code: "forbidden" });
  },
});

export const machines = setup({ use: { computer } });
export type Computer = ReturnType<Client<typeof machines>["computer"]["getOrCreate"]>;

/** What an agent did, as a line of the log. */
export interface Activity {
  readonly kind: "say" | "think" | "tool";
  readonly text: string;
  /** Continues the line before it. */
  readonly isMore: boolean;
}

export interface Outcome {
  readonly text: string;
  readonly stopReason: string;
  readonly tokens: number;
  readonly dollars: number;
}

const chunkBytes = 48 * 1024;
const isText = (value: unknown): value is string => typeof value === "string";

/** Copies the repository into a new folder of the computer. Repeating it begins anew. */
export async function checkOut(
  machine: Computer,
  folder: string,
  bundle: string,
  root: string,
): Promise<void> {
  const receive = `rm -rf ${folder} && mkdir -p ${folder} && cat > ${folder}.bundle`;
  const { pid } = await machine.spawn("/bin/sh", ["-c", receive]);
  const file = await open(bundle);
  try {
    const chunk = new Uint8Array(chunkBytes);
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, chunkBytes);
      if (bytesRead === 0) break;
      await machine.writeProcessStdin(pid, chunk.slice(0, bytesRead));
    }
  } finally {
    await file.close();
  }
  await machine.closeProcessStdin(pid);
  await machine.waitProcess(pid);
  const steps = [
    `cd ${folder}`,
    "git init --quiet",
    `git fetch --quiet ../${folder}.bundle '+refs/bot/*:refs/bot/*'`,
    `git checkout --quiet -b work ${root}`,
    `rm ../${folder}.bundle`,
  ];
  await run(machine, steps.join(" && "));
}

/** Lets the agent work until it has ended its turn; `onActivity` sees what it does. */
export async function prompt(
  machine: Computer,
  sessionId: string,
  text: string,
  onActivity: (activity: Activity) => void,
): Promise<Outcome> {
  const connection = machine.connect();
  let dollars = 0;
  connection.on("sessionEvent", ({ sessionId: of, event }) => {
    if (of !== sessionId) return;
    const { update } = (event.params ?? {}) as { update?: Update };
    dollars = Math.max(dollars, update?.cost?.amount ?? 0);
    const activity = activityOf(update);
    if (activity !== undefined) onActivity(activity);
  });
  // The jail is the boundary. Questions of the agent would only wait for somebody who is not there.
  connection.on("permissionRequest", ({ sessionId: of, request }) => {
    const answered = machine.respondPermission(of, request.permissionId, "once");
    answered.catch(() => {}); // The turn has ended in the meantime.
  });
  try {
    await connection.ready;
    const { response, text: said } = await machine.sendPrompt(sessionId, text);
    if (response.error !== undefined) throw new Error(`The agent failed: ${response.error.message}`);
    const result = (response.result ?? {}) as { stopReason?: string; usage?: { totalTokens?: number } };
    const tokens = result.usage?.totalTokens ?? 0;
    return { text: said.trim(), stopReason: result.stopReason ?? "end_turn", tokens, dollars };
  } finally {
    await connection.dispose();
  }
}

/** The agent's session in a folder: the one of an earlier attempt at the same step, or a new one. */
export async function openSession(
  machine: Computer,
  folder: string,
  known: string | undefined,
): Promise<string> {
  if (known !== undefined) {
    const resumed = await machine.resumeSession(known).catch(() => undefined);
    if (resumed !== undefined) return known;
  }
  const home = (await run(machine, "pwd")).trim();
  const { sessionId } = await machine.createSession(agent, { cwd: `${home}/${folder}` });
  return sessionId;
}

/** What has changed since {@link checkOut}, as a patch of git; empty for nothing. */
export async function readPatch(machine: Computer, folder: string, root: string): Promise<string> {
  const patch = `git diff --cached --binary --full-index --no-ext-diff ${root} > ../${folder}.patch`;
  const size = await run(machine, `cd ${folder} && git add -A && ${patch} && wc -c < ../${folder}.patch`);
  if (Number(size) > limits.maxPatchBytes)
    throw new CriticalError("The change is too large for a pull request of the bot");
  return new TextDecoder().decode(await machine.readFile(`${folder}.patch`));
}

/** Deletes the folder of an attempt. */
export async function cleanUp(machine: Computer, folder: string): Promise<void> {
  await run(machine, `rm -rf ${folder} ${folder}.patch ${folder}.bundle`);
}

async function run(machine: Computer, command: string): Promise<string> {
  const { stdout, stderr, exitCode } = await machine.exec(command, { timeout: 120_000 });
  if (exitCode === 0) return stdout;
  throw new Error(`"${command}" ended with ${exitCode}: ${stderr.slice(-500)}`);
}

interface Update {
  readonly sessionUpdate?: string;
  readonly content?: unknown;
  readonly title?: unknown;
  readonly cost?: { readonly amount?: number };
}

function activityOf(update: Update | undefined): Activity | undefined {
  const { content, title } = update ?? {};
  const said =
    typeof content === "object" && content !== null && "text" in content ? content.text : undefined;
  switch (update?.sessionUpdate) {
    case "agent_message_chunk":
      return isText(said) ? { kind: "say", text: said, isMore: true } : undefined;
    case "agent_thought_chunk":
      return isText(said) ? { kind: "think", text: said, isMore: true } : undefined;
    case "tool_call":
      return isText(title) ? { kind: "tool", text: title, isMore: false } : undefined;
    default:
      return undefined;
  }
}
