/** Request to the model in a form common to all providers: turns, tools, working directory. */
export interface Conversation {
  readonly model: string;
  readonly stream: boolean;
  readonly turns: readonly Turn[];
  /** Tools by name; "custom" ones take free text instead of JSON. */
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** Working directory of the agent, as stated in its system prompt. */
  readonly cwd: string | undefined;
  /** Property names in the JSON schema of a structured output; undefined for free text. */
  readonly outputProperties: readonly string[] | undefined;
  /** Length of the request body, from which input tokens are estimated. */
  readonly bodyBytes: number;
}

export interface OfferedTool {
  readonly kind: "function" | "custom";
  readonly parameters: readonly string[];
  /** Namespace of the tool, which a call must name. */
  readonly namespace?: string;
}

export interface Turn {
  readonly role: "user" | "assistant" | "tool";
  readonly text: string;
}

export type JsonObject = { readonly [key: string]: unknown };

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function objects(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

export function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Text of a message's content, which is a string or a list of parts with a `text` field. */
export function contentText(content: unknown): string {
  if (typeof content === "string") return content;
  return objects(content)
    .map((part) => text(part["text"]))
    .join("\n");
}

/** Names of the top-level parameters in a tool's JSON schema. */
export function parameterNames(schema: unknown): readonly string[] {
  return isObject(schema) && isObject(schema["properties"]) ? Object.keys(schema["properties"]) : [];
}

/** Property names in the schema of a structured output: `{ type: "json_schema", schema }`, at any depth. */
export function outputProperties(format: unknown): readonly string[] | undefined {
  if (!isObject(format) || format["type"] !== "json_schema") return undefined;
  const inner = isObject(format["json_schema"]) ? format["json_schema"] : format;
  return parameterNames(inner["schema"]);
}

/** Agents state their working directory in prose or in tags; these are the known wordings. */
export function findCwd(texts: readonly string[]): string | undefined {
  for (const candidate of texts) {
    const match =
      /<cwd>([^<]+)<\/cwd>/.exec(candidate) ??
      /(?:current |primary )?working directory:\s*`?([^\s`]+)/i.exec(candidate) ??
      /working in the directory:\s*`?([^\s`]+)/i.exec(candidate);
    if (match?.[1] !== undefined) return match[1];
  }
  return undefined;
}
