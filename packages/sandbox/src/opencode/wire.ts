/** Shapes of the OpenCode server's HTTP API in versions 1 and 2 of its SDK, as far as they are used here. */

/** OpenCode version whose client was tested against these routes. */
export const opencodeVersion = "1.18.33";

/** JSON object whose fields have not been checked. */
export type Fields = Readonly<Record<string, unknown>>;

export interface WireTokens {
  readonly input: number;
  readonly output: number;
  readonly reasoning: number;
  readonly cache: { readonly read: number; readonly write: number };
}

export interface WireModel {
  readonly providerID: string;
  readonly modelID: string;
}

export interface WireSession {
  readonly id: string;
  readonly slug: string;
  readonly projectID: string;
  readonly directory: string;
  readonly path: string;
  readonly parentID?: string;
  readonly title: string;
  readonly version: string;
  readonly agent: string;
  readonly model: { readonly id: string; readonly providerID: string };
  readonly cost: number;
  readonly tokens: WireTokens;
  readonly time: { readonly created: number; readonly updated: number; readonly archived?: number };
  readonly permission?: readonly unknown[];
}

export interface WireError {
  readonly name: "MessageAbortedError" | "UnknownError";
  readonly data: { readonly message: string };
}

export interface WireUserMessage {
  readonly id: string;
  readonly sessionID: string;
  readonly role: "user";
  readonly time: { readonly created: number };
  readonly agent: string;
  readonly model: WireModel;
}

export interface WireAssistantMessage extends WireModel {
  readonly id: string;
  readonly sessionID: string;
  readonly role: "assistant";
  readonly time: { readonly created: number; readonly completed?: number };
  readonly error?: WireError;
  readonly parentID: string;
  readonly mode: string;
  readonly agent: string;
  readonly path: { readonly cwd: string; readonly root: string };
  readonly summary?: boolean;
  readonly cost: number;
  readonly tokens: WireTokens;
  readonly finish?: string;
}

export type WireMessage = WireUserMessage | WireAssistantMessage;

interface PartBase {
  readonly id: string;
  readonly sessionID: string;
  readonly messageID: string;
}

export interface WireTextPart extends PartBase {
  readonly type: "text" | "reasoning";
  readonly text: string;
  readonly synthetic?: boolean;
  readonly time?: { readonly start: number; readonly end?: number };
}

export interface WireFilePart extends PartBase {
  readonly type: "file";
  readonly mime: string;
  readonly filename?: string;
  readonly url: string;
}

export type WireToolState =
  | { readonly status: "pending"; readonly input: Fields; readonly raw: string }
  | {
      readonly status: "running";
      readonly input: Fields;
      readonly title: string;
      readonly metadata: Fields;
      readonly time: { readonly start: number };
    }
  | {
      readonly status: "completed";
      readonly input: Fields;
      readonly output: string;
      readonly title: string;
      readonly metadata: Fields;
      readonly time: { readonly start: number; readonly end: number };
    }
  | {
      readonly status: "error";
      readonly input: Fields;
      readonly error: string;
      readonly metadata: Fields;
      readonly time: { readonly start: number; readonly end: number };
    };

export interface WireToolPart extends PartBase {
  readonly type: "tool";
  readonly callID: string;
  readonly tool: string;
  readonly state: WireToolState;
}

export interface WireStepStartPart extends PartBase {
  readonly type: "step-start";
}

export interface WireStepFinishPart extends PartBase {
  readonly type: "step-finish";
  readonly reason: string;
  readonly cost: number;
  readonly tokens: WireTokens;
}

export type WirePart = WireTextPart | WireFilePart | WireToolPart | WireStepStartPart | WireStepFinishPart;

export interface WireMessageWithParts {
  readonly info: WireMessage;
  readonly parts: readonly WirePart[];
}

export interface WireTodo {
  readonly id: string;
  readonly content: string;
  readonly status: string;
  readonly priority: string;
}

/** Changes of one file: `before` and `after` for version 1 of the SDK, `patch` and `status` for version 2. */
export interface WireFileDiff {
  readonly file: string;
  readonly before: string;
  readonly after: string;
  readonly patch: string;
  readonly additions: number;
  readonly deletions: number;
  readonly status: "added" | "deleted" | "modified";
}

export interface WireEvent {
  readonly type: string;
  readonly properties: Fields;
}

export const noTokens: WireTokens = { input: 0, output: 0, reasoning: 0, cache: { read: 0, write: 0 } };
