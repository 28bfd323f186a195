import { Markdown as SafeMarkdown } from "@holdfast/sandbox-react/markdown";

/** Markdown of an agent, in the Studio's look. */
export function Markdown({ text }: { readonly text: string }) {
  return <SafeMarkdown text={text} className="markdown" />;
}
