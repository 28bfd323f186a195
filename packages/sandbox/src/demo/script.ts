import { readFile } from "node:fs/promises";
import { isMock } from "./options.ts";
import { followPlaybook } from "./playbook.ts";
import { repairSample } from "./repair-sample.ts";
import { isParams, type Params, RpcError } from "./rpc.ts";
import type { Edit, Turn } from "./turn.ts";

/**
 * Runs the script that the words of the prompt select: `crash`, `hang`, `garbage`, `flood [N]`, `fail`, `slowly`, "run
 * `command`", "use the tool `name` with {...}", `twice`, what the repository's playbook says, the repair of the sample repository, or by default an edit of
 * a file. "without asking" skips the permission request. `crash`, `hang`, `garbage` and `fail` count only as instructions, so a question about failing tests
 * does not fail. Under the
 * id `mock` most callers are programs that cannot answer a permission request: there `error`, `question` and `tool`
 * select scripts too, and a prompt that requests no work gets a plain reply.
 */
export async function runScript(prompt: string, turn: Turn): Promise<void> {
  const words = prompt.toLowerCase();
  if (isInstruction("crash", words)) await crash(turn);
  if (isInstruction("hang", words)) await hang();
  if (isInstruction("fail", words)) throw new RpcError(-32603, "The demo agent was asked to fail");
  if (isInstruction("garbage", words)) garbage();
  if (/\bflood\b/.test(words)) {
    await flood(turn, Number(/\bflood\s+(\d+)/.exec(words)?.[1] ?? 5_000));
    return;
  }
  if (/\bslowly\b/.test(words)) await turn.say("Counting slowly. ".repeat(40), 100);
  if (isMock && /\berror\b/.test(words)) throw new RpcError(-32603, "The mock agent was asked for an error");
  if (isMock && /\bquestion\b/.test(words)) {
    const answer = await turn.choose("Shall I go on?", ["Yes", "No"]);
    await turn.say(answer === undefined ? "You chose neither. " : `You said ${answer}. `);
  } else if (isMock && !taskWords.test(words)) await turn.say(`You said: ${prompt.trim()} `);
  else if (toolCalls.test(prompt)) await useTools(prompt, turn);
  else if (!isMock && !isExact(words) && (await followPlaybook(prompt, turn, asks(prompt)))) return;
  else if (isMock || !isAboutTests(words) || !(await repairSample(turn, asks(prompt))))
    await runTask(prompt, turn);
}

/** True if the prompt itself says what to write or to run. */
function isExact(words: string): boolean {
  return /\brun\s+`/.test(words) || /\b(?:write|add|append)\b.*"[^"]+"/s.test(words);
}

function isAboutTests(words: string): boolean {
  return /\btests?\b/.test(words) && /\b(?:fix|repair|fail|fails|failing)\b/.test(words);
}

const toolCalls = /\buse (?:the )?tool `([\w-]+)`(?: with (\{[^`]*?\})(?=$|[\s.,;]))?/i;

/** Calls the tools that the prompt names: "use the tool `weather` with {"city":"Kiel"}". */
async function useTools(prompt: string, turn: Turn): Promise<void> {
  for (const [, name = "", input = "{}"] of prompt.matchAll(new RegExp(toolCalls, "gi"))) {
    const allowed = await turn.callTool(name, parseInput(input), asks(prompt));
    if (!allowed) await turn.say(`You said no, so I did not use ${name}. `);
  }
}

function parseInput(text: string): Params {
  try {
    const value: unknown = JSON.parse(text);
    if (isParams(value)) return value;
  } catch {
    // The error below says what is wrong.
  }
  throw new RpcError(-32602, `The input of the tool is not a JSON object: ${text}`);
}

function asks(prompt: string): boolean {
  return !/without asking/i.test(prompt) && !(isMock && /\btool\b/i.test(prompt));
}

const taskWords = /\b(tool|permission|write|add|append|run|twice|without asking|edit|create|notes?|readme)\b/;

/** Whether `word` starts a line or a clause, or follows "and", "then", "now", "please" or "print". */
function isInstruction(word: string, words: string): boolean {
  return new RegExp(`(?:^|[.,;:!?]|\\b(?:and|then|now|please|print)\\b)\\s*${word}\\b`, "m").test(words);
}

async function crash(turn: Turn): Promise<never> {
  await turn.say("This is the last thing I say.");
  process.stderr.write("demo agent: crashing as it was asked to\n");
  process.exit(1);
}

/** Never settles, not even after a cancel, like an agent that is stuck. */
async function hang(): Promise<never> {
  return await new Promise<never>(() => {});
}

function garbage(): void {
  process.stdout.write("this is not JSON\n");
  process.stdout.write('{"jsonrpc":"2.0","method":\n');
  process.stdout.write("[1,2,3]\n");
}

async function flood(turn: Turn, count: number): Promise<void> {
  const filler = "x".repeat(1_000);
  for (let index = 1; index <= count; index += 1) {
    const text = `${index} ${filler}\n`;
    turn.send({ sessionUpdate: "agent_message_chunk", content: { type: "text", text } });
    // Yield to the event loop, so that a cancel can be read.
    if (index % 100 === 0) await turn.pause(0);
  }
}

async function runTask(prompt: string, turn: Turn): Promise<void> {
  const ask = asks(prompt);
  const command = /\brun\s+`([^`]+)`/i.exec(prompt)?.[1];
  const steps = [
    "Look at the project",
    command === undefined ? "Make the change" : "Run the command",
    "Report",
  ];
  turn.plan(steps, 0);
  await turn.think("Let me look at what is here first.");
  const readme = await turn.readme();
  await turn.read(readme);
  if (turn.session.mode === "plan") {
    await turn.say("This is the plan; I have changed nothing. ");
    return;
  }
  turn.plan(steps, 1);
  const done =
    command === undefined
      ? await applyEdits(prompt, readme, turn, ask)
      : (await turn.run(command, ask)) !== undefined;
  turn.plan(steps, 2);
  await turn.say(done ? "Done. " : "You said no, so I left everything as it was. ");
  turn.plan(steps, 3);
}

async function applyEdits(prompt: string, readme: string, turn: Turn, ask: boolean): Promise<boolean> {
  const edits = [await planEdit(prompt, readme, turn)];
  const first = edits[0];
  if (/\btwice\b/i.test(prompt) && first) {
    edits.push(await writeEdit(turn.resolveInside("NOTES-2.md"), first.newText));
  }
  for (const edit of edits) await turn.say(`I will change ${edit.path.split("/").at(-1)}. `);
  const answers = await Promise.all(edits.map((edit) => turn.edit(edit, ask)));
  return answers.some((answer) => answer);
}

async function planEdit(prompt: string, readme: string, turn: Turn): Promise<Edit> {
  const quoted = /"([^"]+)"/.exec(prompt)?.[1];
  const target = /\bto\s+(?:the\s+)?(?:file\s+)?([\w./-]*\w)/i.exec(prompt.replace(/"[^"]*"/g, ""))?.[1];
  const path = target === undefined || /^readme$/i.test(target) ? readme : turn.resolveInside(target);
  if (/\b(?:add|append)\b.*\bline\b/is.test(prompt)) {
    return await appendEdit(path, quoted ?? "This line was added by the demo agent.");
  }
  if (/\bwrite\b/i.test(prompt) && quoted !== undefined && target !== undefined)
    return await writeEdit(path, `${quoted}\n`);
  return await writeEdit(turn.resolveInside("NOTES.md"), `# Notes\n\n${prompt.trim()}\n`);
}

async function appendEdit(path: string, line: string): Promise<Edit> {
  const oldText = await readTextOrNull(path);
  const start =
    oldText === null || oldText === "" || oldText.endsWith("\n") ? (oldText ?? "") : `${oldText}\n`;
  return { path, oldText, newText: `${start}${line}\n` };
}

async function writeEdit(path: string, newText: string): Promise<Edit> {
  return { path, oldText: await readTextOrNull(path), newText };
}

async function readTextOrNull(path: string): Promise<string | null> {
  return await readFile(path, "utf8").catch(() => null);
}
