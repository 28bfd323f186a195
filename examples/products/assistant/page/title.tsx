/** The title of the conversation, which can be changed, and the way to delete it. */
import { useState } from "react";
import { limits } from "../limits.ts";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";

interface TitleProps {
  readonly title: string;
  readonly rename: (title: string) => void;
  readonly remove: () => void;
}

export function ConversationTitle({ title, rename, remove }: TitleProps) {
  const [dialog, setDialog] = useState<"rename" | "remove">();
  const close = () => setDialog(undefined);
  return (
    <>
      <h1>{title}</h1>
      <button type="button" className="plain" aria-label="Rename" onClick={() => setDialog("rename")}>
        <Icon name="edit" />
      </button>
      <button type="button" className="plain" aria-label="Delete" onClick={() => setDialog("remove")}>
        <Icon name="trash" />
      </button>
      {dialog === "rename" && (
        <Dialog title="Rename the conversation" onClose={close}>
          <form
            className="row"
            onSubmit={(event) => {
              event.preventDefault();
              rename(String(new FormData(event.currentTarget).get("title")));
              close();
            }}
          >
            <input
              name="title"
              aria-label="Title"
              defaultValue={title}
              required
              maxLength={limits.titleLength}
            />
            <button type="submit" className="primary">
              Rename
            </button>
          </form>
        </Dialog>
      )}
      {dialog === "remove" && (
        <Dialog title="Delete the conversation?" onClose={close}>
          <p>All its messages are deleted. What the assistant remembers of you stays.</p>
          <p className="row">
            <button
              type="button"
              className="danger"
              onClick={() => {
                close();
                remove();
              }}
            >
              Delete
            </button>
            <button type="button" onClick={close}>
              Keep it
            </button>
          </p>
        </Dialog>
      )}
    </>
  );
}
