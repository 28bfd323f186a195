/**
 * A script tells the mock model what to do. It is part of the prompt, so that the model is stateless, and a
 * conversation that an agent restores from disk continues where it stopped.
 */

export type ScriptStep =
  /** Visible text. */
  | { readonly say: string }
  /** Reasoning. */
  | { readonly think: string }
  /** Writes the whole file with the agent's own write or patch tool. */
  | { readonly edit: { readonly path: string; readonly content: string } }
  /** Reads a file; Claude Code wants this before it overwrites one. */
  | { readonly read: string }
  /** Runs a shell command. */
  | { readonly run: string }
  /** Calls a tool of an MCP server by the server's and its own name, whatever the agent calls it. */
  | {
      readonly call: {
        readonly server: string;
        readonly tool: string;
        readonly arguments: Readonly<Record<string, unknown>>;
      };
    }
  /** Publishes a plan; an agent without a plan tool gets it as text. */
  | { readonly plan: readonly string[] }
  /** Text in pieces with a pause after each. */
  | { readonly slow: { readonly text: string; readonly pieces: number; readonly delayMs: number } }
  /** Stops in the middle of the stream until `MockModel.release(name)` or the client goes away. */
  | { readonly hold: string }
  /** Answers with an HTTP error: every time, or only the first `times` times. */
  | { readonly fail: { readonly status: number; readonly times?: number } }
  /** Breaks the connection in the middle of the stream: every time, or the first `times` times. */
  | { readonly cut: { readonly times?: number } };

export interface Script {
  readonly steps: readonly ScriptStep[];
  /** Usage reported with each reply. Default: estimated from the sizes. */
  readonly usage?: { readonly inputTokens: number; readonly outputTokens: number };
}

const openTag = "SCRIPT{";
const closeTag = "}END";

/** Prompt text that makes the mock model play `steps`. */
export function scriptPrompt(steps: readonly ScriptStep[], usage?: Script["usage"]): string {
  return `SCRIPT${JSON.stringify({ steps, ...(usage === undefined ? {} : { usage }) })}END`;
}

/** The last well-formed script in a text, or undefined. */
export function findScript(text: string): Script | undefined {
  let end = text.lastIndexOf(closeTag);
  while (end >= 0) {
    const start = text.lastIndexOf(openTag, end);
    if (start < 0) return undefined;
    const script = parseScript(text.slice(start + openTag.length - 1, end + 1));
    if (script !== undefined) return script;
    end = text.lastIndexOf(closeTag, start);
  }
  return undefined;
}

function parseScript(json: string): Script | undefined {
  for (const candidate of [json, unescapeJson(json)]) {
    if (candidate === undefined) continue;
    try {
      const value: unknown = JSON.parse(candidate);
      if (isScript(value)) return value;
    } catch {
      // Not JSON in this form: the next form, or the next script, may be.
    }
  }
  return undefined;
}

/** A transcript that was replayed as JSON text adds one level of escapes. */
function unescapeJson(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(`"${text}"`);
    return typeof value === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}

function isScript(value: unknown): value is Script {
  return (
    typeof value === "object" &&
    value !== null &&
    "steps" in value &&
    Array.isArray(value.steps) &&
    value.steps.every((step) => typeof step === "object" && step !== null)
  );
}
