/** Markdown of an answer as elements: paragraphs, headings, lists, code, quotes, emphasis, links. No HTML passes. */
import { Fragment, type ReactNode } from "react";

const inlinePattern = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\n]+)\*|\[([^\]\n]+)\]\((https?:\/\/[^\s)]+)\)/g;

function inline(text: string): ReactNode[] {
  const nodes: ReactNode[] = [];
  let at = 0;
  for (const match of text.matchAll(inlinePattern)) {
    const [whole, code, strong, emphasis, label, address] = match;
    if (match.index > at) nodes.push(text.slice(at, match.index));
    const key = match.index;
    if (code !== undefined) nodes.push(<code key={key}>{code}</code>);
    else if (strong !== undefined) nodes.push(<strong key={key}>{inline(strong)}</strong>);
    else if (emphasis !== undefined) nodes.push(<em key={key}>{inline(emphasis)}</em>);
    else
      nodes.push(
        <a key={key} href={address} target="_blank" rel="noreferrer">
          {label}
        </a>,
      );
    at = match.index + whole.length;
  }
  if (at < text.length) nodes.push(text.slice(at));
  return nodes;
}

function Lines({ lines }: { lines: readonly string[] }) {
  const text = lines.join("\n");
  return lines.map((line, index) => (
    <Fragment key={`${text.length}-${index}`}>
      {index > 0 && <br />}
      {inline(line)}
    </Fragment>
  ));
}

const item = /^\s*(?:[-*]|(\d+)[.)])\s+(.*)$/;

function block(text: string): ReactNode {
  const lines = text.split("\n");
  const [, level = "", heading] = /^(#{1,4})\s+(.*)$/.exec(text) ?? [];
  // The page has the first level.
  if (heading !== undefined && lines.length === 1)
    return level.length === 1 ? <h2>{inline(heading)}</h2> : <h3>{inline(heading)}</h3>;
  if (lines.every((line) => line.startsWith(">")))
    return (
      <blockquote>
        <Lines lines={lines.map((line) => line.replace(/^>\s?/, ""))} />
      </blockquote>
    );
  const items = lines.map((line) => item.exec(line));
  if (!items.every((match) => match !== null))
    return (
      <p>
        <Lines lines={lines} />
      </p>
    );
  const entries = items.map((match, index) => <li key={index}>{inline(match[2] ?? "")}</li>);
  return items[0]?.[1] === undefined ? <ul>{entries}</ul> : <ol start={Number(items[0][1])}>{entries}</ol>;
}

/** Blocks of text, which are separated by empty lines; a list may follow a line of text directly. */
function blocksOf(text: string): string[] {
  return text
    .replace(/^(?!\s*(?:[-*]|\d+[.)])\s)(.+)\n(?=\s*(?:[-*]|\d+[.)])\s)/gm, "$1\n\n")
    .split(/\n{2,}/)
    .map((part) => part.replace(/^\n+|\s+$/g, ""))
    .filter((part) => part !== "");
}

export function Markdown({ text }: { text: string }) {
  // Fences come in pairs; one that is still being written has no end.
  const parts = text.split(/^```.*$/m);
  return parts.map((part, index) =>
    index % 2 === 1 ? (
      <pre key={index}>
        <code>{part.replace(/^\n/, "").trimEnd()}</code>
      </pre>
    ) : (
      <Fragment key={index}>
        {blocksOf(part).map((each, at) => (
          <Fragment key={at}>{block(each)}</Fragment>
        ))}
      </Fragment>
    ),
  );
}
