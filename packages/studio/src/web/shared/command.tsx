import { CopyButton } from "@holdfast/web-parts";

/** A command for a terminal, with a copy button. */
export function Command({ text }: { readonly text: string }) {
  return (
    <span className="command">
      <code>{text}</code>
      <CopyButton text={text} label={`Copy: ${text}`} />
    </span>
  );
}
