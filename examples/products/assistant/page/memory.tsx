/** What the assistant remembers: all of it can be read, added to, and deleted. */
import { useState } from "react";
import { limits } from "../limits.ts";
import type { Memory } from "../person.ts";
import { fromNow, wordsOf } from "./client.ts";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";

interface MemoryDialogProps {
  readonly memories: readonly Memory[];
  readonly onClose: () => void;
  readonly add: (text: string) => Promise<unknown>;
  readonly forget: (id: string) => void;
  readonly forgetAll: () => void;
}

export function MemoryDialog({ memories, onClose, add, forget, forgetAll }: MemoryDialogProps) {
  const [text, setText] = useState("");
  const [error, setError] = useState<string>();
  const [asks, setAsks] = useState(false);
  const submit = async () => {
    setError(undefined);
    try {
      await add(text);
      setText("");
    } catch (reason) {
      setError(wordsOf(reason));
    }
  };
  return (
    <Dialog title="Memory" onClose={onClose}>
      <p className="soft">
        The assistant knows these facts in every conversation. {memories.length} of {limits.memories}.
      </p>
      {memories.length === 0 && <p>Nothing yet. Tell the assistant to remember something, or add it here.</p>}
      <ul className="memories">
        {memories.toReversed().map(({ id, text: fact, createdAt }) => (
          <li key={id}>
            <span>
              {fact} <small>{fromNow(createdAt)}</small>
            </span>
            <button type="button" className="plain" aria-label={`Delete: ${fact}`} onClick={() => forget(id)}>
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      <form
        className="row"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <input
          aria-label="New fact"
          placeholder="I work in Lisbon"
          value={text}
          maxLength={limits.memoryLength}
          onChange={(event) => setText(event.target.value)}
        />
        <button type="submit" disabled={text.trim() === ""}>
          Add
        </button>
      </form>
      {error !== undefined && <p role="alert">{error}</p>}
      {memories.length > 0 && !asks && (
        <button type="button" className="link danger" onClick={() => setAsks(true)}>
          Delete everything
        </button>
      )}
      {asks && memories.length > 0 && (
        <p className="row">
          <button
            type="button"
            className="danger"
            onClick={() => {
              forgetAll();
              setAsks(false);
            }}
          >
            Delete all {memories.length} facts
          </button>
          <button type="button" onClick={() => setAsks(false)}>
            Keep them
          </button>
        </p>
      )}
    </Dialog>
  );
}
