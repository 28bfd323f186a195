/** Markdown as a page: tokens of marked as React elements, so that no text of a document becomes HTML. */
import { lexer, type Token, type Tokens } from "marked";
import { createElement, Fragment, type ReactNode, useMemo } from "react";

export function Preview({ text }: { text: string }) {
  const tokens = useMemo(() => lexer(text), [text]);
  return (
    <section className="preview" aria-label="Preview">
      {text.trim() === "" ? <p className="soft">Nothing is written yet.</p> : blocks(tokens)}
    </section>
  );
}

function blocks(tokens: readonly Token[] = []): ReactNode {
  return together(tokens.map(element));
}

/** As children one by one: nodes that have no identity but their place need no keys. */
function together(nodes: readonly ReactNode[]): ReactNode {
  return createElement(Fragment, undefined, ...nodes);
}

function element(token: Token): ReactNode {
  switch (token.type) {
    case "heading": {
      const { depth, tokens } = token as Tokens.Heading;
      // The title of the document is the first heading of the page.
      const Heading = `h${Math.min(depth + 1, 6)}` as "h2";
      return <Heading>{blocks(tokens)}</Heading>;
    }
    case "paragraph":
      return <p>{blocks(token.tokens)}</p>;
    case "blockquote":
      return <blockquote>{blocks(token.tokens)}</blockquote>;
    case "code":
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a block that scrolls is reachable by keyboard.
        <pre tabIndex={0}>
          <code>{(token as Tokens.Code).text}</code>
        </pre>
      );
    case "list":
      return list(token as Tokens.List);
    case "table":
      return table(token as Tokens.Table);
    case "hr":
      return <hr />;
    case "space":
      return null;
    default:
      return inlineElement(token);
  }
}

function inlineElement(token: Token): ReactNode {
  switch (token.type) {
    case "strong":
      return <strong>{blocks(token.tokens)}</strong>;
    case "em":
      return <em>{blocks(token.tokens)}</em>;
    case "del":
      return <del>{blocks(token.tokens)}</del>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link":
    case "image":
      return link(token as Tokens.Link);
    case "text":
    case "escape": {
      const { tokens, text } = token as Tokens.Text;
      return tokens === undefined ? text : blocks(tokens);
    }
    default:
      return token.raw;
  }
}

/** Only addresses that cannot run a script. Images are links: a page does not call others' servers by being read. */
function link({ href, text, tokens }: Tokens.Link): ReactNode {
  if (!/^(https?:|mailto:)/i.test(href)) return text;
  return (
    <a href={href} rel="noopener noreferrer nofollow" target="_blank">
      {tokens === undefined || tokens.length === 0 ? text || href : blocks(tokens)}
    </a>
  );
}

function list({ ordered, start, items }: Tokens.List): ReactNode {
  const entries = together(items.map(listItem));
  return ordered ? <ol start={Number(start)}>{entries}</ol> : <ul>{entries}</ul>;
}

function listItem({ task, checked, tokens }: Tokens.ListItem): ReactNode {
  return (
    <li className={task ? "task" : undefined}>
      {task && <input type="checkbox" checked={checked === true} readOnly disabled aria-label="Done" />}
      {blocks(tokens.filter(({ type }) => type !== "checkbox"))}
    </li>
  );
}

function table({ header, rows }: Tokens.Table): ReactNode {
  return (
    <table>
      <thead>{row(header, "th")}</thead>
      <tbody>{together(rows.map((cells) => row(cells, "td")))}</tbody>
    </table>
  );
}

function row(cells: readonly Tokens.TableCell[], kind: "td" | "th"): ReactNode {
  return <tr>{together(cells.map(({ tokens }) => createElement(kind, undefined, blocks(tokens))))}</tr>;
}
