import { ErrorNotice, remainingText } from "@holdfast/web-parts";
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { useApi } from "../../api/context.ts";
import type { Process } from "../../api/types.ts";
import { type OutputPart, OutputText } from "./output-text.ts";

/** The live output of a process, and a field for its input. */
export function ProcessOutput({ process }: { readonly process: Process }) {
  const { parts, error } = useOutput(process.id);
  const box = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && parts.length > 0 && isAtEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [parts]);
  return (
    <>
      {error !== undefined && <ErrorNotice error={error} title="The output could not be loaded." />}
      <pre
        className="output"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard.
        tabIndex={0}
        role="log"
        aria-label="Output"
        data-testid="output"
        onScroll={({ currentTarget: at }) => {
          isAtEnd.current = at.scrollHeight - at.scrollTop - at.clientHeight < 40;
        }}
      >
        {parts.length === 0 && <span className="muted">No output yet.</span>}
        {parts.map(({ id, stream, text }) => (
          <span key={id} className={stream === "stderr" ? "output-error" : undefined}>
            {text}
          </span>
        ))}
      </pre>
      {process.status === "running" && !process.tty && <InputLine process={process} />}
    </>
  );
}

function useOutput(id: string): { readonly parts: readonly OutputPart[]; readonly error: unknown } {
  const { client } = useApi();
  const [parts, setParts] = useState<readonly OutputPart[]>([]);
  const [error, setError] = useState<unknown>();
  useEffect(() => {
    const text = new OutputText();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let closed = false;
    const show = () => {
      timer = undefined;
      setParts(text.parts);
    };
    setParts([]);
    setError(undefined);
    const following = client.followProcessLogs(id, (entry) => {
      text.add(entry);
      timer ??= setTimeout(show, 30);
    });
    following.catch((reason: unknown) => closed || setError(reason));
    return () => {
      closed = true;
      clearTimeout(timer);
      following.then(
        (subscription) => subscription.close(),
        () => undefined,
      );
    };
  }, [client, id]);
  return { parts, error };
}

function InputLine({ process }: { readonly process: Process }) {
  const { client } = useApi();
  const [line, setLine] = useState("");
  const send = useMutation({
    mutationFn: (text: string) =>
      client.sendProcessInput(process.id, { data: `${text}\n`, encoding: "utf8" }),
    onSuccess: (_sent, text) => setLine((now) => remainingText(now, text)),
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!send.isPending) send.mutate(line);
  };
  return (
    <form className="input-line" onSubmit={submit}>
      <label htmlFor="process-input">Input</label>
      <input
        id="process-input"
        className="mono"
        value={line}
        spellCheck={false}
        autoComplete="off"
        onChange={(event) => setLine(event.target.value)}
      />
      <button type="submit" className="button button-small" disabled={send.isPending}>
        Send line
      </button>
      {send.isError && <ErrorNotice error={send.error} />}
    </form>
  );
}
