import { CopyButton } from "@holdfast/web-parts";

/** A command to run in a terminal, ready to copy. */
export function Command({ text }: { readonly text: string }) {
  return (
    <span className="command">
      <code>{text}</code>
      <CopyButton text={text} label={`Copy: ${text}`} />
    </span>
  );
}
