import { CopyButton } from "@holdfast/web-parts";
import { type ReactNode, useEffect, useRef } from "react";

/** A text that is shown once, with a copy button. It takes the focus, so that it is read. */
export function Secret({
  label,
  text,
  onDone,
  children,
}: {
  readonly label: string;
  readonly text: string;
  readonly onDone: () => void;
  /** What to do with it. */
  readonly children: ReactNode;
}) {
  const box = useRef<HTMLFieldSetElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another text is read again.
  useEffect(() => box.current?.focus(), [text]);
  return (
    <fieldset className="notice secret" ref={box} tabIndex={-1}>
      <legend className="visually-hidden">{label}</legend>
      <p>{children}</p>
      <p className="command">
        <code>{text}</code>
        <CopyButton text={text} label={`Copy: ${label}`} />
      </p>
      <p className="notice-foot">
        <button type="button" className="button button-small" onClick={onDone}>
          Done
        </button>
      </p>
    </fieldset>
  );
}
