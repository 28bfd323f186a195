/** Where a message is written. Enter sends it; Shift and Enter begin a line. */
import { useEffect, useRef } from "react";
import { limits } from "../limits.ts";
import { Icon } from "./icons.tsx";

interface ComposerProps {
  readonly draft: string;
  readonly setDraft: (text: string) => void;
  readonly isBusy: boolean;
  readonly canSend: boolean;
  readonly messagesLeft: number;
  readonly placeholder: string;
  readonly send: (text: string) => void;
  readonly stop: () => void;
  readonly retry?: () => void;
}

export function Composer(props: ComposerProps) {
  const { draft, setDraft, isBusy, canSend, messagesLeft } = props;
  const area = useRef<HTMLTextAreaElement>(null);
  useEffect(() => void area.current?.focus(), []);
  const text = draft.trim();
  const isReady = canSend && !isBusy && text !== "";
  const submit = () => {
    if (isReady) props.send(text);
  };
  const left = limits.messageLength - draft.length;
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={area}
        rows={1}
        aria-label="Message"
        placeholder={props.placeholder}
        value={draft}
        maxLength={limits.messageLength}
        onChange={(event) => setDraft(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          submit();
        }}
      />
      {props.retry !== undefined && (
        <button
          type="button"
          className="plain"
          aria-label="Answer again"
          onClick={props.retry}
          disabled={!canSend}
        >
          <Icon name="undo" />
        </button>
      )}
      {isBusy ? (
        <button type="button" className="round" aria-label="Stop" onClick={props.stop}>
          <Icon name="stop" />
        </button>
      ) : (
        <button type="submit" className="round primary" aria-label="Send" disabled={!isReady}>
          <Icon name="send" />
        </button>
      )}
      <small>
        {messagesLeft === 0
          ? "No messages left for today. "
          : messagesLeft <= 20 && `${messagesLeft} messages left today. `}
        {left < 500 && `${left} characters left`}
      </small>
    </form>
  );
}
