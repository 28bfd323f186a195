/** The possible answers to an agent's question. */
export type PermissionReply = "once" | "always" | "reject";

/** `kind` is `allow_once`, `allow_always`, `reject_once`, `reject_always`, or a word of the agent. */
export interface PermissionOption {
  optionId: string;
  name: string;
  kind: string;
}

/** The outcome of a question. */
export type PermissionState = "pending" | "answered" | "expired" | "cancelled";

/** A file that a tool call changes; `oldText` is null for a new file. */
export interface FileChange {
  path: string;
  oldText: string | null;
  newText: string;
}

/** One entry of a transcript. Fields below the first group belong to one `kind`. */
export interface TranscriptEntry {
  /** Unique in its transcript, and constant. */
  id: string;
  /** The event that started the entry; passed to `onEventClick`. */
  eventId?: string;
  kind: "message" | "tool" | "meta" | "reasoning" | "permission";
  /** ISO 8601. */
  time: string;
  role?: "user" | "assistant";
  text?: string;
  toolName?: string;
  toolInput?: string;
  toolOutput?: string;
  /** `pending`, `in_progress`, `completed`, `failed`, or a word of the agent. */
  toolStatus?: string;
  /** ACP's kind of tool: `read`, `edit`, `execute` and so on. */
  toolKind?: string;
  toolChanges?: readonly FileChange[];
  reasoning?: { text: string; visibility?: string };
  meta?: { title: string; detail?: string; severity?: "info" | "error" };
  permission?: {
    permissionId: string;
    title: string;
    description?: string;
    options: PermissionOption[];
    resolved?: boolean;
    selectedOptionId?: string;
    state?: PermissionState;
    /** Milliseconds since the epoch. */
    expiresAt?: number;
  };
}
