import { actor } from "@holdfast/actors";
import { organizationOfId } from "../../access/organization-ids.ts";
import { type AttachmentInput, type AttachmentPiece, attachmentNotFound } from "../../attachments/stored.ts";
import type { AttachmentView } from "../../contract/prompts.ts";
import { studioLimits } from "../../limits.ts";
import type { BackendHost } from "../host.ts";

export interface AttachmentState {
  version: 1;
  id: string;
  name: string;
  mediaType: string;
  bytes: number;
  /** Who uploaded it. */
  person: string;
  pieces: number;
  /** The task that has it. Absent until it is sent. */
  task?: string;
}

function isInput(value: unknown): value is AttachmentInput {
  return typeof value === "object" && value !== null && "attachment" in value;
}

function isPiece(value: unknown): value is AttachmentPiece {
  return typeof value === "object" && value !== null && "piece" in value;
}

/** A file of a prompt. One that is not sent is deleted after a while. */
export function createAttachmentActor(host: BackendHost) {
  return actor({
    createState(_c, input: { readonly token: string }): AttachmentState {
      const { attachment, person, pieces } = host.valueTokens.take(input?.token, isInput);
      return { version: 1, ...attachment, person, pieces };
    },
    async onCreate(c): Promise<void> {
      await c.schedule.after(studioLimits.unsentAttachmentMs, "internal.expire");
    },
    options: { name: "Attachment" },
    actions: {
      internal: {
        async write(c, token: string): Promise<void> {
          const { piece, index } = host.valueTokens.take(token, isPiece);
          await c.kv.put(`p/${index}`, piece);
        },

        /** For a viewer, throws `attachment.not_found` for the unsent file of somebody else, and of another organization. */
        describe(
          c,
          viewer?: { readonly person: string; readonly organization: string },
        ): AttachmentView & { readonly pieces: number } {
          const { task, person } = c.state;
          const isHidden =
            viewer !== undefined &&
            (task === undefined ? person !== viewer.person : organizationOfId(task) !== viewer.organization);
          if (isHidden) throw attachmentNotFound();
          return { ...viewOf(c.state), pieces: c.state.pieces };
        },

        async read(c, index: number): Promise<string> {
          const piece = await c.kv.get(`p/${index}`);
          if (piece === null) throw attachmentNotFound();
          return piece;
        },

        /** Gives the file to a task. Throws `attachment.not_found` for a file of somebody else or of another task. */
        give(c, task: string, person: string): AttachmentView {
          const isOwn = c.state.person === person && (c.state.task ?? task) === task;
          if (!isOwn) throw attachmentNotFound();
          c.state.task = task;
          return viewOf(c.state);
        },

        expire: (c): void => {
          if (c.state.task === undefined) c.destroy();
        },

        erase: (c): void => c.destroy(),
      },
    },
  });
}

function viewOf({ id, name, mediaType, bytes }: AttachmentState): AttachmentView {
  return { id, name, mediaType, bytes };
}
