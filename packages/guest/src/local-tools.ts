/** A tool as the Model Context Protocol lists it. */
export interface LocalTool {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema. */
  readonly inputSchema: {
    readonly type: "object";
    readonly properties: Readonly<Record<string, object>>;
    readonly required: string[];
  };
}

/** Text, or a picture in base64. */
export type LocalToolContent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "image"; readonly data: string; readonly mimeType: string };

/** The answer of a call; its text is the error if `isError`. */
export interface LocalToolResult {
  readonly content: readonly LocalToolContent[];
  readonly isError: boolean;
}

/** Tools that the jail runs itself, such as those of its desktop. They act inside of it, so the gate is not asked. */
export interface LocalTools {
  list(): Promise<readonly LocalTool[]>;
  call(name: string, args: Readonly<Record<string, unknown>>): Promise<LocalToolResult>;
}
