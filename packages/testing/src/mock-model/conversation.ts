/** What all wires have in common: who said what, which tools are offered, and where it runs. */
export interface Conversation {
  readonly model: string;
  readonly stream: boolean;
  readonly turns: readonly Turn[];
  /** Tools by name; "custom" ones take free text in place of JSON. */
  readonly tools: ReadonlyMap<string, OfferedTool>;
  /** The agent's working directory as its system prompt states it. */
  readonly cwd: string | undefined;
  /** Names in the JSON schema that the answer has to follow; undefined when it is free text. */
  readonly outputProperties: readonly string[] | undefined;
  /** Length of the request's body, from which the input tokens are estimated. */
  readonly bodyBytes: number;
}

export interface OfferedTool {
  readonly kind: "function" | "custom";
  readonly parameters: readonly string[];
  /** Group that the tool is in, to be named in a call. */
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

/** The text of a message's content, which is a string or a list of parts with a `text` field. */
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

/** Names in the schema of a structured output: `{ type: "json_schema", schema }`, however deep it lies. */
export function outputProperties(format: unknown): readonly string[] | undefined {
  if (!isObject(format) || format["type"] !== "json_schema") return undefined;
  const inner = isObject(format["json_schema"]) ? format["json_schema"] : format;
  return parameterNames(inner["schema"]);
}

/** Agents name their working directory in prose or in tags; each wording that was seen is here. */
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
