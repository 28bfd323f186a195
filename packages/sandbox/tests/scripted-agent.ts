import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { agentTable, customAgent } from "../src/index.ts";
import { temporary } from "./harness.ts";

/** Ways in which a scripted agent can recover sessions of an earlier process. */
export interface Offers {
  readonly resume?: boolean;
  readonly load?: boolean;
  readonly fork?: boolean;
  /** Failure of the agent when it should recover a session. */
  readonly brokenBy?: "end" | "silence";
}

/**
 * An agent that stores its sessions in HOME and obeys the first word of the last text of a prompt: `ask N` sends N
 * concurrent permission requests, `sub` asks for another session, `wait` ends its turn only on cancel, `hang` not even
 * then, `refuse` returns an error, `die` exits, `askdie` asks and exits, `child` starts a process that outlives it,
 * `late` asks after a cancel. The result contains the received texts and the number of prompts.
 */
const source = (offers: Offers) => `
import { createInterface } from "node:readline";
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync } from "node:fs";
const offers = ${JSON.stringify(offers)};
const file = (id) => process.env.HOME + "/kept-" + id;
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const history = (id) => readFileSync(file(id), "utf8").split("\\n").filter((line) => line !== "");
const waiting = new Map();
const cancels = new Map();
let count = 0;
const ask = (sessionId, title) => new Promise((resolve) => {
  count += 1;
  waiting.set("q" + count, (result) => resolve(result?.outcome?.optionId ?? result?.outcome?.outcome ?? "failed"));
  const options = [["yes", "allow_once"], ["always", "allow_always"], ["no", "reject_once"]];
  send({ id: "q" + count, method: "session/request_permission", params: {
    sessionId, toolCall: { toolCallId: "t" + count, title },
    options: options.map(([optionId, kind]) => ({ optionId, kind, name: optionId })) } });
});
const say = (sessionId, text) => send({ method: "session/update", params: {
  sessionId, update: { sessionUpdate: "agent_message_chunk", content: { type: "text", text } } } });
async function turn(sessionId, prompt) {
  const text = prompt.at(-1).text;
  appendFileSync(file(sessionId), text + "\\n");
  const [word, number] = text.split(" ");
  say(sessionId, "I heard " + text);
  const answers = [];
  const cancelled = new Promise((resolve) => cancels.set(sessionId, resolve));
  if (word === "ask") answers.push(...await Promise.all(Array.from({ length: Number(number) }, (_, i) => ask(sessionId, "ask " + i))));
  if (word === "sub") answers.push(await ask("sub-agent", "from below"));
  if (word === "askdie") { ask(sessionId, "last"); setTimeout(() => process.exit(7), 100); await new Promise(() => {}); }
  if (word === "die") { process.stderr.write("dying\\n"); process.exit(7); }
  if (word === "refuse") throw new Error("no model answers");
  if (word === "hang") await new Promise(() => {});
  if (word === "wait") await cancelled;
  if (word === "late") { await cancelled; answers.push(await ask(sessionId, "too late")); }
  if (word === "child") { spawn("sleep", [number], { stdio: "ignore" }); await new Promise(() => {}); }
  const done = word === "wait" || word === "late" ? "cancelled" : "end_turn";
  return { stopReason: done, _meta: { heard: prompt.map((block) => block.text), answers, turns: history(sessionId).length, pid: process.pid } };
}
const configOptions = (value) => [
  { id: "m", name: "Model", category: "model", type: "select", currentValue: value, options: [{ value: "big", name: "Big" }, { value: "small", name: "Small" }] },
  { id: "t", name: "Thought", category: "thought_level", type: "select", currentValue: "low", options: [{ name: "all", options: [{ value: "low", name: "Low" }, { value: "high", name: "High" }] }] },
];
const modes = { currentModeId: "careful", availableModes: [{ id: "careful", name: "Careful" }, { id: "fast", name: "Fast" }] };
async function broken() {
  if (offers.brokenBy === "end") process.exit(9);
  if (offers.brokenBy === "silence") await new Promise(() => {});
}
async function handle({ method, params = {} }) {
  const { sessionId } = params;
  switch (method) {
    case "initialize":
      return { protocolVersion: 1, agentCapabilities: { loadSession: offers.load === true,
        sessionCapabilities: { ...(offers.resume && { resume: {} }), ...(offers.fork && { fork: {} }) } } };
    case "session/new": case "session/fork": {
      count += 1;
      const id = "a-" + process.pid + "-" + count;
      appendFileSync(file(id), method === "session/fork" ? readFileSync(file(sessionId)) : "");
      return { sessionId: id, modes, configOptions: configOptions("big") };
    }
    case "session/load":
      await broken();
      if (!existsSync(file(sessionId))) throw new Error("no such session");
      for (const text of history(sessionId)) send({ method: "session/update", params: {
        sessionId, update: { sessionUpdate: "user_message_chunk", content: { type: "text", text } } } });
      return { modes, configOptions: configOptions("big") };
    case "session/resume":
      await broken();
      if (!existsSync(file(sessionId))) throw new Error("no such session");
      return { modes, configOptions: configOptions("big") };
    case "session/set_mode": return {};
    case "session/set_config_option": return { configOptions: configOptions(params.value) };
    case "session/prompt": return await turn(sessionId, params.prompt);
    default: throw new Error("no such method " + method);
  }
}
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if (message.method === undefined) { waiting.get(message.id)?.(message.result); continue; }
  if (message.id === undefined) { if (message.method === "session/cancel") cancels.get(message.params.sessionId)?.(); continue; }
  handle(message).then((result) => send({ id: message.id, result }), (error) => send({ id: message.id, error: { code: -32002, message: error.message } }));
}
process.exit(0);
`;

/** Returns a table with the scripted agents in `agents`, by name. */
export async function scriptedAgents(t: TestContext, agents: Readonly<Record<string, Offers>>) {
  const directory = await temporary(t);
  const rows = [...agentTable];
  for (const [id, offers] of Object.entries(agents))
    rows.push(customAgent(await scriptedAgent(directory, id, offers)));
  return rows;
}

/** Returns a scripted agent as a configuration entry, with its script in `directory`. */
export async function scriptedAgent(directory: string, id: string, offers: Offers) {
  const path = join(directory, `${id}.mjs`);
  await writeFile(path, source(offers));
  return { id, command: process.execPath, args: [path] };
}
