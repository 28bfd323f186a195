import type { SandboxAgent } from "@holdfast/sandbox-client";
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import { useAnnounce } from "../ui/announcer.tsx";
import { CopyButton } from "../ui/copy-button.tsx";
import { ErrorNotice } from "../ui/notice.tsx";

/** Shows and sets the clipboard of the desktop, which is another one than that of the person. */
export function Clipboard({ client }: { readonly client: SandboxAgent }) {
  const [text, setText] = useState("");
  const announce = useAnnounce();
  const id = useId();
  const read = useMutation({
    mutationFn: () => client.getDesktopClipboard(),
    onSuccess: (answer) => setText(answer.text),
  });
  const write = useMutation({
    mutationFn: () => client.setDesktopClipboard({ text }),
    onSuccess: () => announce("The clipboard of the desktop has the text."),
  });
  const error = read.error ?? write.error;
  return (
    <>
      <label htmlFor={id}>Text of the desktop’s clipboard</label>
      <textarea id={id} rows={3} value={text} onChange={({ target }) => setText(target.value)} />
      <span className="desktop-line">
        <button
          type="button"
          className="button button-small"
          disabled={read.isPending}
          onClick={() => read.mutate()}
        >
          Read from the desktop
        </button>
        <button
          type="button"
          className="button button-small"
          disabled={write.isPending}
          onClick={() => write.mutate()}
        >
          Set on the desktop
        </button>
        <CopyButton text={text} label="Copy the text" />
      </span>
      {error !== null && <ErrorNotice error={error} title="The clipboard could not be used." />}
    </>
  );
}
