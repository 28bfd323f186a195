import { randomUUID } from "node:crypto";
import { isHoldfastError, type Logger, type SchemaIssue, validate } from "@holdfast/core";
import type { Audit } from "@holdfast/gate";
import { agentOsLimits } from "../limits.ts";
import { ToolFailure } from "./failure.ts";
import { type GivenInput, readArguments } from "./flags.ts";
import type { HostTools, NamedKit, NamedTool } from "./tool-kit.ts";

/** Commands of all kits, and the beginning of those of one kit. */
export const toolCommand = "agentos";

/** A command that a program in the machine runs, and what may be asked of it. */
export interface Invocation {
  /** `agentos`, or `agentos-NAME`. */
  readonly command: string;
  readonly args: readonly string[];
  /** Reads a file of the machine, or the standard input. */
  read(path: string | undefined): Promise<string>;
  /** Aborts with the reason when nobody waits for the answer. */
  readonly signal: AbortSignal;
}

/** Where the calls of a machine are recorded. */
export interface ToolRecords {
  readonly jailId: string;
  readonly audit: Pick<Audit, "append" | "note">;
  readonly log: Logger;
}

/** Answers one command with JSON: exit code 0 and a result, or 1 and an error. Never rejects. */
export async function runToolCommand(
  tools: HostTools,
  invocation: Invocation,
  records: ToolRecords,
): Promise<{ readonly exitCode: 0 | 1; readonly text: string }> {
  try {
    const text = toJson(await answer(tools, invocation, records));
    if (Buffer.byteLength(text) > agentOsLimits.maxToolResultBytes)
      throw new ToolFailure(
        "RESULT_TOO_LARGE",
        `The result is larger than ${agentOsLimits.maxToolResultBytes} bytes`,
      );
    return { exitCode: 0, text };
  } catch (error) {
    return { exitCode: 1, text: failureText(error, records.log) };
  }
}

/** What a command prints when its call failed. */
export function failureText(error: unknown, log: Logger): string {
  const { code, message } =
    error instanceof ToolFailure ? error : new ToolFailure("EXECUTION_ERROR", hiddenMessage(error, log));
  return JSON.stringify({ ok: false, error: code, message });
}

async function answer(tools: HostTools, invocation: Invocation, records: ToolRecords): Promise<unknown> {
  const { command, args } = invocation;
  const [first, ...rest] = args;
  if (command === toolCommand) return describeAll(tools, first, rest);
  const kit = findKit(tools, command.slice(toolCommand.length + 1));
  if (first === undefined || isHelp(first)) return describeKit(kit);
  const tool = kit.tools.get(first);
  if (tool === undefined)
    throw new ToolFailure(
      "TOOL_NOT_FOUND",
      `${command} has no ${JSON.stringify(first)}. It has: ${[...kit.tools.keys()].join(", ")}`,
    );
  if (rest.some(isHelp)) return { toolkit: kit.name, tool: tool.name, ...describeTool(tool) };
  const given = await readInput(readArguments(tool.flags, rest), invocation, kit, tool);
  return execute(kit, tool, given, invocation.signal, records);
}

function describeAll(tools: HostTools, first: string | undefined, rest: readonly string[]): unknown {
  if (first === undefined || isHelp(first))
    return { usage: `${toolCommand} list-tools [KIT]; ${toolCommand}-KIT TOOL [--FLAG VALUE ...]` };
  if (first !== "list-tools" && first !== "list-bindings")
    throw new ToolFailure("VALIDATION_ERROR", `Usage: ${toolCommand} list-tools [KIT]`);
  const [name] = rest;
  if (name !== undefined) return describeKit(findKit(tools, name));
  const toolkits = [...tools.kits.values()].map(({ name: kit, description, tools: each }) => ({
    ...{ name: kit, description, tools: [...each.keys()] },
  }));
  return { toolkits };
}

function findKit(tools: HostTools, name: string): NamedKit {
  const kit = tools.kits.get(name);
  if (kit !== undefined) return kit;
  const all = [...tools.kits.keys()].join(", ");
  throw new ToolFailure(
    "TOOLKIT_NOT_FOUND",
    `This machine has no tool kit ${JSON.stringify(name)}. It has: ${all}`,
  );
}

function describeKit({ name, description, tools }: NamedKit) {
  const described = [...tools].map(([each, tool]) => [each, describeTool(tool)]);
  return { name, description, tools: Object.fromEntries(described) };
}

function describeTool({ description, flags, examples }: NamedTool) {
  return { description, flags: [...(flags?.values() ?? [])].map(({ info }) => info), examples };
}

async function readInput(given: GivenInput, invocation: Invocation, kit: NamedKit, tool: NamedTool) {
  switch (given.from) {
    case "flags":
      return given.input;
    case "text":
      return parseInput(given.text, "--json");
    case "file":
      return parseInput(await invocation.read(given.path), given.path);
    case "stdin": {
      const text = await invocation.read(undefined);
      if (text.trim() !== "") return parseInput(text, "The standard input");
      if (tool.flags !== undefined) return {};
      throw new ToolFailure(
        "VALIDATION_ERROR",
        `${toolCommand}-${kit.name} ${tool.name} takes its input as JSON: --json '{...}'`,
      );
    }
  }
}

function parseInput(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ToolFailure("VALIDATION_ERROR", `${what} is no JSON: ${why}`);
  }
}

async function execute(
  kit: NamedKit,
  tool: NamedTool,
  given: unknown,
  signal: AbortSignal,
  records: ToolRecords,
): Promise<unknown> {
  const name = `${kit.name} ${tool.name}`;
  const timeoutMs = tool.timeout ?? agentOsLimits.toolTimeoutMs;
  const stop = new AbortController();
  const timer = setTimeout(() => {
    stop.abort(new ToolFailure("TIMEOUT", `${name} did not end within ${timeoutMs}ms`));
  }, timeoutMs);
  const end = AbortSignal.any([signal, stop.signal]);
  const ended = Promise.withResolvers<never>();
  const fail = () => ended.reject(end.reason);
  end.addEventListener("abort", fail, { once: true });
  if (end.aborted) fail();
  const record = new CallRecord(name, records);
  try {
    const result = await Promise.race([run(tool, name, given, end, record), ended.promise]);
    record.end();
    return result;
  } catch (error) {
    const failure =
      error instanceof ToolFailure
        ? error
        : new ToolFailure("EXECUTION_ERROR", hiddenMessage(error, records.log, name));
    record.end(failure.code);
    throw failure;
  } finally {
    clearTimeout(timer);
    end.removeEventListener("abort", fail);
    // Whatever the function still does, nobody waits for it.
    stop.abort();
  }
}

async function run(
  tool: NamedTool,
  name: string,
  given: unknown,
  signal: AbortSignal,
  record: CallRecord,
): Promise<unknown> {
  const refusal = { group: "agent_os", code: "invalid_tool_input", what: `The input of ${name}` };
  let input: unknown;
  try {
    input = await validate(tool.inputSchema, given, refusal);
  } catch (error) {
    if (!isHoldfastError(error) || error.code !== refusal.code) throw error;
    throw new ToolFailure("VALIDATION_ERROR", issuesText(error.metadata, error.message));
  }
  await record.begin(Buffer.byteLength(JSON.stringify(given) ?? ""));
  // The record says that the call was about to be made. One that was given up since then has no effect.
  signal.throwIfAborted();
  return tool.execute(input, { signal });
}

/** The records of one call in the audit log: before it is made, and when it has ended. */
class CallRecord {
  readonly #records: ToolRecords;
  readonly #about: { readonly call: string; readonly tool: string };
  #hasBegun = false;

  constructor(tool: string, records: ToolRecords) {
    this.#records = records;
    this.#about = { call: randomUUID(), tool };
  }

  /** Throws `audit.unavailable`: then the call is not made. */
  async begin(bytes: number): Promise<void> {
    const { audit, jailId } = this.#records;
    await audit.append({ type: "tool.call", jailId, data: { ...this.#about, bytes } });
    this.#hasBegun = true;
  }

  end(code?: string): void {
    if (!this.#hasBegun) return;
    const { audit, jailId } = this.#records;
    const outcome = code === undefined ? { ok: true } : { ok: false, code };
    void audit.note({ type: "tool.result", jailId, data: { ...this.#about, ...outcome } });
  }
}

function issuesText(metadata: unknown, message: string): string {
  const issues = (metadata as { readonly issues?: readonly SchemaIssue[] } | undefined)?.issues ?? [];
  const texts = issues.map(({ message: text, path = [] }) =>
    path.length === 0 ? text : `${text} at ${JSON.stringify(path.join("."))}`,
  );
  return texts.length === 0 ? message : texts.join("; ");
}

/** Errors for callers pass with their message; others are in the log, under an id. */
function hiddenMessage(error: unknown, log: Logger, name = "a tool"): string {
  if (isHoldfastError(error) && error.public !== false) return error.message;
  const errorId = randomUUID();
  log.error("a tool of a machine failed", { tool: name, errorId, error });
  return `${name} failed. The log of its host has the cause, with the id ${errorId}`;
}

function toJson(result: unknown): string {
  return JSON.stringify({ ok: true, result: result ?? null });
}

function isHelp(argument: string): boolean {
  return argument === "--help" || argument === "-h";
}
