import { posix } from "node:path";
import type { Conversation } from "./conversation.ts";
import type { ScriptStep } from "./script.ts";

/** Tool call of one specific agent: JSON arguments, or free text for a custom tool. */
export interface ToolCall {
  readonly name: string;
  readonly input: string;
  readonly custom: boolean;
  readonly namespace?: string;
}

type ToolStep = Extract<
  ScriptStep,
  { edit: unknown } | { read: unknown } | { run: unknown } | { call: unknown } | { plan: unknown }
>;

export function isToolStep(step: ScriptStep): step is ToolStep {
  return "edit" in step || "read" in step || "run" in step || "call" in step || "plan" in step;
}

/** Maps a step to a call of an offered tool; undefined when no tool fits. */
export function toolCall(step: ToolStep, conversation: Conversation): ToolCall | undefined {
  if ("edit" in step) return editCall(step.edit.path, step.edit.content, conversation);
  if ("read" in step) return readCall(step.read, conversation);
  if ("run" in step) return runCall(step.run, conversation);
  if ("call" in step) return mcpCall(step.call, conversation);
  return planCall(step.plan, conversation);
}

function editCall(path: string, content: string, conversation: Conversation): ToolCall | undefined {
  const { tools } = conversation;
  if (tools.has("Write")) return json("Write", { file_path: absolute(path, conversation), content });
  if (namesFilePath("write", conversation))
    return json("write", { filePath: absolute(path, conversation), content });
  if (tools.has("write")) return json("write", { path, content });
  if (tools.has("write_file"))
    return json("write_file", { file_path: absolute(path, conversation), content });
  if (tools.get("create")?.parameters.includes("file_text"))
    return json("create", { path: absolute(path, conversation), file_text: content });
  const patch = addFilePatch(path, content);
  const applyPatch = tools.get("apply_patch");
  if (applyPatch?.kind === "custom") return { name: "apply_patch", input: patch, custom: true };
  if (applyPatch !== undefined) return json("apply_patch", { input: patch });
  if (runsJavaScript(conversation)) return javaScript("apply_patch", patch, conversation);
  return runCall(`apply_patch <<'PATCH'\n${patch}\nPATCH`, conversation);
}

/** OpenCode's tools take `filePath`; Pi's tools of the same names take `path`. */
function namesFilePath(tool: string, { tools }: Conversation): boolean {
  return tools.get(tool)?.parameters.includes("filePath") === true;
}

function readCall(path: string, conversation: Conversation): ToolCall | undefined {
  const { tools } = conversation;
  if (tools.has("Read")) return json("Read", { file_path: absolute(path, conversation) });
  if (namesFilePath("read", conversation)) return json("read", { filePath: absolute(path, conversation) });
  if (tools.has("read")) return json("read", { path });
  if (tools.has("read_file")) return json("read_file", { file_path: absolute(path, conversation) });
  if (tools.has("view")) return json("view", { path: absolute(path, conversation) });
  return runCall(`cat -- ${shellQuote(path)}`, conversation);
}

function runCall(command: string, conversation: Conversation): ToolCall | undefined {
  const { tools } = conversation;
  if (tools.has("Bash")) return json("Bash", { command, description: "Run a command" });
  if (tools.has("bash")) return json("bash", { command });
  if (tools.has("exec_command")) return json("exec_command", { cmd: command });
  if (runsJavaScript(conversation)) return javaScript("exec_command", { cmd: command }, conversation);
  if (tools.has("shell_command")) return json("shell_command", { command });
  if (tools.has("shell")) return json("shell", { command: ["sh", "-c", command] });
  if (tools.has("run_shell_command")) return json("run_shell_command", { command });
  return undefined;
}

type McpStep = Extract<ScriptStep, { call: unknown }>["call"];

/** Agents prefix the name of the server, with different separators, or use a namespace. */
function mcpCall(step: McpStep, conversation: Conversation): ToolCall | undefined {
  const words = (name: string) => name.split(/[^A-Za-z0-9]+|_/).filter((word) => word !== "");
  const wanted = [...words(step.server), ...words(step.tool)].join(" ");
  for (const [name, { namespace }] of conversation.tools) {
    const full = [...words(namespace ?? ""), ...words(name)].join(" ");
    if (full !== wanted && !full.endsWith(` ${wanted}`)) continue;
    return { ...json(name, step.arguments), ...(namespace === undefined ? {} : { namespace }) };
  }
  if (runsJavaScript(conversation)) {
    return javaScript(`mcp__${step.server}__${step.tool}`, step.arguments, conversation);
  }
  return undefined;
}

function planCall(items: readonly string[], { tools }: Conversation): ToolCall | undefined {
  if (tools.has("TodoWrite")) {
    const todos = items.map((content, index) => ({
      content,
      activeForm: content,
      status: planStatus(index),
    }));
    return json("TodoWrite", { todos });
  }
  if (tools.has("update_plan")) {
    const plan = items.map((step, index) => ({ step, status: planStatus(index) }));
    return json("update_plan", { plan });
  }
  return undefined;
}

/** Codex gives its newest models one tool: JavaScript that calls the others as functions. */
function runsJavaScript({ tools }: Conversation): boolean {
  return tools.get("exec")?.kind === "custom";
}

function javaScript(name: string, argument: unknown, { tools }: Conversation): ToolCall {
  const input = `text(await tools.${name}(${JSON.stringify(argument)}));`;
  const namespace = tools.get("exec")?.namespace;
  return { name: "exec", input, custom: true, ...(namespace === undefined ? {} : { namespace }) };
}

function planStatus(index: number): "in_progress" | "pending" {
  return index === 0 ? "in_progress" : "pending";
}

function addFilePatch(path: string, content: string): string {
  const lines = content.replace(/\n$/, "").split("\n");
  return [
    "*** Begin Patch",
    `*** Add File: ${path}`,
    ...lines.map((line) => `+${line}`),
    "*** End Patch",
  ].join("\n");
}

function absolute(path: string, { cwd }: Conversation): string {
  return cwd === undefined ? path : posix.resolve(cwd, path);
}

function shellQuote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}

function json(name: string, value: unknown): ToolCall {
  return { name, input: JSON.stringify(value), custom: false };
}
