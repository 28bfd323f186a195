import { useEffect, useState } from "react";
import { useAnnounce } from "./announcer.tsx";

/**
 * Button that copies a text; a function builds a long text on demand. If the clipboard is forbidden, the text beside
 * it can still be selected.
 */
export function CopyButton({
  text,
  label,
}: {
  readonly text: string | (() => string);
  readonly label: string;
}) {
  const [copied, setCopied] = useState(false);
  const announce = useAnnounce();
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [copied]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : text());
      setCopied(true);
      announce("Copied.");
    } catch {
      announce("The browser did not allow copying. Select the text instead.", "assertive");
    }
  };
  return (
    <button type="button" className="button button-small" aria-label={label} onClick={() => void copy()}>
      {copied ? "Copied" : "Copy"}
    </button>
  );
}
