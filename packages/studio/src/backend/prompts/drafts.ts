import { actor, event } from "@holdfast/actors";
import { HoldfastError } from "@holdfast/core";
import type { AttachmentView, DraftsEvents, PromptDraft } from "../../contract/prompts.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";
import { requireText } from "../validate.ts";

export interface DraftsState {
  version: 1;
  /** Scopes with a draft, the one that was changed last at the end. */
  scopes: string[];
}

interface DraftRow {
  readonly version: 1;
  readonly draft: PromptDraft;
}

/** The unsent prompts of a person, whose id is the key. Nobody else can connect, so that nobody else is told of them. */
export function createDraftsActor(host: BackendHost) {
  return actor({
    createState: (): DraftsState => ({ version: 1, scopes: [] }),
    events: { changed: event<DraftsEvents["changed"]>() },
    options: { name: "Drafts" },
    actions: {
      async get(c, scope: string): Promise<PromptDraft | null> {
        requireText(scope, "scope", 100);
        const row = await c.kv.get(keyOf(scope));
        return row === null ? null : (JSON.parse(row) as DraftRow).draft;
      },

      async save(c, scope: string, given: Omit<PromptDraft, "updatedAt">, device: string): Promise<void> {
        requireText(scope, "scope", 100);
        requireText(device, "device", 100);
        const { text, attachments } = readDraft(given);
        const others = c.state.scopes.filter((each) => each !== scope);
        if (text === "" && attachments.length === 0) {
          if (others.length === c.state.scopes.length) return;
          c.state.scopes = others;
          c.broadcast("changed", { scope, device, draft: null });
          await c.kv.delete(keyOf(scope));
          return;
        }
        const draft: PromptDraft = { text, attachments, updatedAt: host.ports.clock.now() };
        const dropped = others.slice(0, Math.max(0, others.length + 1 - studioLimits.maxDrafts));
        c.state.scopes = [...others.slice(dropped.length), scope];
        c.broadcast("changed", { scope, device, draft });
        const row: DraftRow = { version: 1, draft };
        await Promise.all([
          c.kv.put(keyOf(scope), JSON.stringify(row)),
          ...dropped.map((each) => c.kv.delete(keyOf(each))),
        ]);
      },

      internal: { erase: (c): void => c.destroy() },
    },
  });
}

const keyOf = (scope: string) => `draft/${scope}`;

/** Throws `draft.invalid`, `draft.too_long`. */
function readDraft(given: unknown): Omit<PromptDraft, "updatedAt"> {
  const { text, attachments } = (given ?? {}) as { readonly text?: unknown; readonly attachments?: unknown };
  if (typeof text !== "string" || !Array.isArray(attachments)) throw invalid();
  if (new TextEncoder().encode(text).length > studioLimits.maxPromptBytes) {
    const message = `A draft of more than ${studioLimits.maxPromptBytes} bytes stays in this browser. Shorten it, or put long material into a file.`;
    throw new HoldfastError("draft", "too_long", message, { statusCode: 413 });
  }
  if (attachments.length > studioLimits.maxAttachments) throw invalid();
  return { text, attachments: attachments.map(readAttachment) };
}

function readAttachment(given: unknown): AttachmentView {
  const { id, name, mediaType, bytes } = (given ?? {}) as Partial<Record<keyof AttachmentView, unknown>>;
  const isText = (value: unknown): value is string => typeof value === "string" && value.length <= 200;
  if (!isText(id) || !isText(name) || !isText(mediaType) || typeof bytes !== "number") throw invalid();
  return { id, name, mediaType, bytes };
}

function invalid(): HoldfastError {
  return new HoldfastError("draft", "invalid", "A draft has a text and a list of uploaded files", {
    statusCode: 400,
  });
}
