import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import type { Gate, GateConfig } from "@holdfast/gate";
import type { ToolCall, ToolOutcome } from "../src/broker/tool.ts";
import { eventually, openGate, temporaryDirectory } from "./support.ts";

export interface FakeTool {
  readonly name: string;
  readonly properties?: Record<string, unknown>;
  readonly required?: readonly string[];
  readonly extra?: Record<string, unknown>;
}

/** A manifest with the peer's fields alone, unless `extra` adds some. */
export function manifestOf(tools: readonly FakeTool[], extra: Record<string, unknown> = {}) {
  return {
    description: "a plugin of a test",
    version: "1.0.0",
    app_compat: ">=0.1.0",
    author: { name: "Test" },
    provides: {
      channels: [],
      tools: tools.map(({ name, properties = {}, required = [], extra: more = {} }) => ({
        name,
        description: `the tool ${name}`,
        risk_level: "low",
        arguments_schema: { type: "object", additionalProperties: false, properties, required },
        ...more,
      })),
    },
    subscribes: [],
    ...extra,
  };
}

/** Writes files below a directory; an object is written as JSON. */
export function writeFiles(directory: string, files: Readonly<Record<string, unknown>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  }
}

/** Puts a plugin folder into place in one step, as an installer does. */
export function installPlugin(
  dataDir: string,
  name: string,
  files: Readonly<Record<string, unknown>>,
): string {
  const staged = join(dataDir, `.staged-${name}`);
  const target = join(dataDir, "plugins", name);
  writeFiles(staged, files);
  mkdirSync(dirname(target), { recursive: true });
  renameSync(staged, target);
  return target;
}

/** The body of a handler whose tools are functions of `args`, `context` and `services`. */
export function handlerOf(tools: Readonly<Record<string, string>>, more = ""): string {
  const cases = Object.entries(tools).map(([name, body]) => `case ${JSON.stringify(name)}: { ${body} }`);
  return `import * as fs from "node:fs";
let services;
export default {
  async initialize(given) { services = given; },
  async handleToolInvocation(tool, args, context) {
    switch (tool) { ${cases.join("\n")} }
    return { ok: false, error: { code: "HANDLER_ERROR", message: "unknown tool", retriable: false } };
  },
  async shutdown() {},
  ${more}
};
`;
}

export interface PluginGate {
  readonly gate: Gate;
  readonly dataDir: string;
}

export interface CallOptions {
  readonly group?: string;
  readonly session?: string;
  readonly signal?: AbortSignal;
  readonly tainted?: boolean;
  readonly timeoutMs?: number;
  readonly onProgress?: ToolCall["onProgress"];
}

/** Calls a tool as the broker's last stage does. */
export async function callTool(
  gate: Gate,
  name: string,
  args: Record<string, unknown> = {},
  options: CallOptions = {},
): Promise<ToolOutcome> {
  const tool = gate.plugins.tools().find((each) => each.name === name);
  if (tool === undefined) throw new Error(`There is no tool ${name}`);
  return gate.plugins.invoke({
    tool: options.timeoutMs === undefined ? tool : { ...tool, timeoutMs: options.timeoutMs },
    arguments: args,
    principal: { jailId: "jail-1", session: options.session ?? "session-1", group: options.group ?? "alpha" },
    correlation: "correlation-1",
    signal: options.signal ?? new AbortController().signal,
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
    ...(options.tainted === undefined ? {} : { tainted: options.tainted }),
  });
}

/** The result of a call that must succeed. */
export async function resultOf(...call: Parameters<typeof callTool>): Promise<Record<string, unknown>> {
  const outcome = await callTool(...call);
  if (!outcome.ok) throw new Error(`${outcome.error.code}: ${outcome.error.message}`);
  if (typeof outcome.result !== "object" || outcome.result === null) throw new Error("no object");
  return { ...outcome.result };
}

/** A gate with the given plugin folders of a user. */
export async function gateWith(
  t: TestContext,
  plugins: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  config: Partial<GateConfig> = {},
): Promise<PluginGate> {
  const dataDir = config.dataDir ?? temporaryDirectory(t);
  for (const [name, files] of Object.entries(plugins)) installPlugin(dataDir, name, files);
  const gate = await openGate(t, { ...config, dataDir, plugins: { watch: false, ...config.plugins } });
  return { gate, dataDir };
}

/** Waits for something that, once so, stays so. A process that hangs is ended after seconds only. */
export function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  return eventually(what, condition, 60_000);
}

export function git(directory: string, ...args: string[]): void {
  execFileSync(
    "git",
    ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main", ...args],
    {
      cwd: directory,
      stdio: "ignore",
    },
  );
}

/** Writes files into a repository, which is made where there is none, and commits all. */
export function commit(directory: string, files: Readonly<Record<string, unknown>>): void {
  writeFiles(directory, files);
  if (!existsSync(join(directory, ".git"))) git(directory, "init");
  git(directory, "add", "-A");
  git(directory, "commit", "-m", "x");
}

/** Why the installer refuses, or what it did. */
export async function refusal(gate: Gate, tool: string, args: Record<string, unknown>): Promise<string> {
  const outcome = await callTool(gate, tool, args);
  if (outcome.ok) return `done: ${JSON.stringify(outcome.result)}`;
  assert.equal(outcome.error.code, "HANDLER_ERROR");
  return outcome.error.message;
}
